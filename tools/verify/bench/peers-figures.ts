import type { FloorRound } from './floor';
import type { Memory } from './measured-system';
import type { OrdersRound } from './order-load';
import { median } from './report';

/** What was measured of one system; a figure per round. */
export interface SystemFigures {
  readonly name: string;
  readonly what: string;
  readonly orders: readonly OrdersRound[];
  /** Reads a second of one product; of a system without a cache the same as `product`. */
  readonly kept: readonly number[];
  /** Reads a second of one product, each answered from the database. */
  readonly product: readonly number[];
  /** Reads a second of a list, each answered from the database. */
  readonly list: readonly number[];
  /** Reads that were refused with 503, in all rounds; they count in no rate. */
  readonly refused: number;
  readonly idle: Memory | undefined;
  readonly underOrders: Memory | undefined;
}

/** What Postgres alone has reached with one script. */
export interface FloorFigures {
  readonly name: string;
  readonly what: string;
  readonly rounds: readonly FloorRound[];
}

/** A figure by which systems are compared; NaN where it was not measured. */
export interface Measure {
  readonly name: string;
  readonly better: 'less' | 'more';
  readonly digits: number;
  of(system: SystemFigures): number;
  ofFloor?(floor: FloorFigures): number;
}

const unless = (figure: number | undefined): number => figure ?? Number.NaN;

/** Every figure of the report, in its order. */
export const measures: readonly Measure[] = [
  {
    name: 'orders/s, POST to Confirmed',
    better: 'more',
    digits: 0,
    of: ({ orders }) => median(orders.map(({ ordersPerSecond }) => ordersPerSecond)),
    ofFloor: ({ rounds }) => median(rounds.map(({ ordersPerSecond }) => ordersPerSecond)),
  },
  {
    name: 'CPU-seconds per 1,000 orders',
    better: 'less',
    digits: 1,
    of: ({ orders }) => median(orders.map(({ cpuSecondsPer1000 }) => unless(cpuSecondsPer1000))),
    ofFloor: ({ rounds }) => median(rounds.map(({ cpuSecondsPer1000 }) => unless(cpuSecondsPer1000))),
  },
  { name: 'p50, ms', better: 'less', digits: 0, of: ({ orders }) => median(orders.map(({ p50Ms }) => p50Ms)) },
  { name: 'p99, ms', better: 'less', digits: 0, of: ({ orders }) => median(orders.map(({ p99Ms }) => p99Ms)) },
  { name: 'one product/s, kept', better: 'more', digits: 0, of: ({ kept }) => median(kept) },
  { name: 'one product/s, not kept', better: 'more', digits: 0, of: ({ product }) => median(product) },
  { name: 'list of 20/s, not kept', better: 'more', digits: 0, of: ({ list }) => median(list) },
  { name: 'programs idle, MiB', better: 'less', digits: 0, of: ({ idle }) => unless(idle?.programs) },
  {
    name: 'programs under orders, MiB',
    better: 'less',
    digits: 0,
    of: ({ underOrders }) => unless(underOrders?.programs),
  },
  { name: 'with servers idle, MiB', better: 'less', digits: 0, of: ({ idle }) => unless(idle?.all) },
  {
    name: 'with servers under orders, MiB',
    better: 'less',
    digits: 0,
    of: ({ underOrders }) => unless(underOrders?.all),
  },
];
