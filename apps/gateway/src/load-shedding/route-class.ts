import type { Priority } from '@rookery/resilience';

/** What the load shedder has to know of a route. */
export interface RouteClass {
  readonly priority: Priority;
  /** The answer stays open: let in or refused as others, but not counted as in hand. */
  readonly isStream: boolean;
}

/** Placing an order and what ends one: the last to be refused. */
const HIGH: ReadonlySet<string> = new Set(['POST /v1/orders', 'POST /v1/orders/:id/cancellations']);

const STREAMS: ReadonlySet<string> = new Set(['GET /v1/orders/:id/events']);

/** Probes and metrics. An orchestrator that is refused would kill what only has much to do. */
const OPERATIONAL = /^\/(livez|readyz|health|metrics)$/;

const READS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** Whether a route is a probe or the metrics, which no limit may refuse. By its pattern: one address can be spelled in many ways. */
export const isOperational = (url: string | undefined): boolean => url !== undefined && OPERATIONAL.test(url);

/** The path of one order. */
const ORDER = /^\/v1\/orders\/[^/]+/;

/** The routes above, for the spec that holds them against those that there are. */
export const namedRoutes: readonly string[] = [...HIGH, ...STREAMS];

/** Undefined for what is no path. */
export function priorityOf(method: string, target: string): Priority | undefined {
  const [path = ''] = target.split('?', 1);
  if (!path.startsWith('/')) return undefined;
  return classOf(method, path.replace(ORDER, '/v1/orders/:id'))?.priority;
}

/**
 * How a route is treated when there is too much to do; undefined for those that are never refused, which are also preflights and what is
 * not there. `url` is the pattern (`/v1/orders/:id`).
 */
export function classOf(method: string, url: string | undefined): RouteClass | undefined {
  if (url === undefined || url === '*' || method === 'OPTIONS' || isOperational(url)) return undefined;
  const route = `${method} ${url}`;
  if (HIGH.has(route)) return { priority: 'high', isStream: false };
  // HEAD is answered by the same handler, which leaves it open as long.
  return { priority: READS.has(method) ? 'low' : 'normal', isStream: STREAMS.has(route.replace(/^HEAD /, 'GET ')) };
}
