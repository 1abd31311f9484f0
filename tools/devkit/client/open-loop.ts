import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { keepTo, lastCore } from './cores';

/** The kinds of requests of a shop, and what share of the reads each is. Orders are placed beside them, at a rate of their own. */
export const READS = [
  { kind: 'product', share: 0.2, what: 'reads of a product' },
  { kind: 'order', share: 0.8, what: 'reads of an order' },
] as const;
export const MIX = [...READS, { kind: 'place', what: 'orders placed' }] as const;
/** A crowd looks; how many of it buy is another matter, and an order is many times the work of a read. */
export const ORDERS_PER_SECOND = 3;
export const Kind = z.enum(['product', 'order', 'place']);
export type Kind = z.infer<typeof Kind>;

/** What a client process is to do. */
export const OpenLoop = z.object({
  url: z.string(),
  token: z.string(),
  products: z.array(z.string()).min(1),
  orders: z.array(z.string()).min(1),
  /** Reads and orders per second, sent whether or not earlier ones are answered. */
  readsPerSecond: z.number(),
  ordersPerSecond: z.number(),
  seconds: z.number(),
});
export type OpenLoop = z.infer<typeof OpenLoop>;

/** What came back of one kind of requests. */
export const KindOutcome = z.object({
  kind: Kind,
  offered: z.number(),
  /** Answered with success, in whatever time. */
  admitted: z.number(),
  /** Refused with 503 and Retry-After. */
  refused: z.number(),
  /** Everything else: time-outs, other statuses, connections that broke. */
  failed: z.number(),
  /** Of the admitted, from the moment the request was due, ms. */
  latenciesMs: z.array(z.number()),
});
export type KindOutcome = z.infer<typeof KindOutcome>;

/** What a client process has seen. */
export const Seen = z.object({
  kinds: z.array(KindOutcome),
  /** 99th percentile of how late the client's own event loop was, ms: its figures are off by as much. */
  clientLateMs: z.number(),
  /** Every order that was answered with 201. */
  placed: z.array(z.string()),
});
export type Seen = z.infer<typeof Seen>;

/** Runs a load in a process of its own: neither the servers nor the bench may share its event loop. */
export async function offer(load: OpenLoop): Promise<Seen> {
  const client = fork(fileURLToPath(new URL('./open-loop-process.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  if (client.pid !== undefined) {
    keepTo(lastCore(), client.pid);
  }
  const kill = (): void => void client.kill('SIGKILL');
  process.once('exit', kill);
  try {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    client.once('message', resolve);
    client.once('error', reject);
    client.once('exit', (code) => reject(new Error(`the client ended with ${code ?? 'a signal'}`)));
    client.send(load);
    return Seen.parse(await promise);
  } finally {
    process.off('exit', kill);
    client.disconnect();
  }
}
