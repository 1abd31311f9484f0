import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpuSecondsOf, residentMiBOf } from './process-use';

/** Memory of a system in MiB. */
export interface Memory {
  /** Of its own programs. */
  readonly programs: number;
  /** With Postgres and NATS. */
  readonly all: number;
}

/** How long a started system works on before it is idle. */
export const SETTLED_AFTER_MS = 2_000;

/** A running system with a catalog, an API of products and orders, and a table of orders. */
export interface MeasuredSystem {
  readonly name: string;
  /** What it is, in a few words. */
  readonly what: string;
  /** Where its API answers. */
  readonly url: string;
  /** The same API without a cache of products; undefined where `url` has none. */
  readonly notKeptUrl?: string;
  /** Address of the database that has its orders. */
  readonly database: string;
  /** Of a customer’s requests. Asked anew for each round: an access token lives for minutes. */
  headers(): Promise<Readonly<Record<string, string>>>;
  /** CPU-seconds of all its processes since they began; undefined where the platform does not tell. */
  cpuSeconds(): number | undefined;
  /** Memory soon after the start, before the first request. */
  readonly idle: Memory | undefined;
  /** Undefined where the platform does not tell. */
  memory(): Memory | undefined;
  stop(): Promise<void>;
}

/** Processes of Postgres and NATS whose data is in a folder of `npm start`’s layout. A peer may have no broker. */
export const serversIn = (folder: string): readonly number[] =>
  ['postgres/postmaster.pid', 'nats/nats.pid'].flatMap((file) => {
    try {
      return [Number.parseInt(readFileSync(join(folder, file), 'utf8'), 10)];
    } catch {
      return [];
    }
  });

/** What the processes of a system have used; undefined when one is not known. */
export const cpuOf = (pids: readonly (number | undefined)[]): number | undefined => sumOf(pids.map(cpuSecondsOf));

/** What the processes of a system have in memory. */
export function memoryOf(
  programs: readonly (number | undefined)[],
  servers: readonly (number | undefined)[],
): Memory | undefined {
  const own = sumOf(programs.map(residentMiBOf));
  const theirs = sumOf(servers.map(residentMiBOf));
  return own === undefined || theirs === undefined ? undefined : { programs: own, all: own + theirs };
}

const sumOf = (figures: readonly (number | undefined)[]): number | undefined =>
  figures.reduce<number | undefined>(
    (sum, figure) => (sum === undefined || figure === undefined ? undefined : sum + figure),
    0,
  );

/** Products of each category: a list of 20 is one category. */
export const IN_A_CATEGORY = 20;
export const CATEGORIES: readonly string[] = Array.from({ length: 50 }, (_, number) => `c${number}`);
export const STOCK = 1_000_000;

/** What every system sells. */
export const catalog = CATEGORIES.flatMap((category, first) =>
  Array.from({ length: IN_A_CATEGORY }, (_, index) => {
    const number = String(first * IN_A_CATEGORY + index).padStart(4, '0');
    return {
      sku: `SKU-${number}`,
      name: `Nest box ${number}`,
      description: 'For tits and sparrows; hangs where no cat climbs.',
      category,
      price: { amountMinor: 1_000 + index, currency: 'EUR' },
      stock: STOCK,
    };
  }),
);
