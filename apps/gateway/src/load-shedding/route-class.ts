import { OPERATIONAL_PATHS } from '@rookery/platform';
import type { Priority } from '@rookery/resilience';

/** How the load shedder treats a route. */
export interface RouteClass {
  readonly priority: Priority;
  /** The response stays open: admitted or shed like others, but not counted as in flight. */
  readonly isStream: boolean;
}

/** Placing and canceling orders: shed last. */
const HIGH: ReadonlySet<string> = new Set(['POST /v1/orders', 'POST /v1/orders/:id/cancellations']);

const STREAMS: ReadonlySet<string> = new Set(['GET /v1/orders/:id/events']);

/** Probes and metrics. An orchestrator whose probe is shed would kill a process that is only busy. */
const OPERATIONAL: ReadonlySet<string> = new Set(OPERATIONAL_PATHS);

const READS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** Whether a route is a probe or the metrics, which are never limited. `url` is the pattern, because an address has many spellings. */
export const isOperational = (url: string | undefined): boolean => url !== undefined && OPERATIONAL.has(url);

/** The path of one order. */
const ORDER = /^\/v1\/orders\/[^/]+/;

/** The routes above, for the spec that compares them with the existing ones. */
export const namedRoutes: readonly string[] = [...HIGH, ...STREAMS];

/** The priority of a request target; undefined if it is not a path. */
export function priorityOf(method: string, target: string): Priority | undefined {
  const [path = ''] = target.split('?', 1);
  if (!path.startsWith('/')) {
    return undefined;
  }
  return classOf(method, path.replace(ORDER, '/v1/orders/:id'))?.priority;
}

/**
 * How a route is treated under overload; undefined for those that are never shed, including preflights and unknown routes. `url` is
 * the pattern (`/v1/orders/:id`).
 */
export function classOf(method: string, url: string | undefined): RouteClass | undefined {
  if (url === undefined || url === '*' || method === 'OPTIONS' || isOperational(url)) {
    return undefined;
  }
  const route = `${method} ${url}`;
  if (HIGH.has(route)) {
    return { priority: 'high', isStream: false };
  }
  // HEAD has the same handler, which keeps the response open for as long.
  return { priority: READS.has(method) ? 'low' : 'normal', isStream: STREAMS.has(route.replace(/^HEAD /, 'GET ')) };
}
