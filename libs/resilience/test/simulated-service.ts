import { AdaptiveLimit, LoadShedder, type Priority } from '../src';

/** The load on the service, and its behaviour. */
export interface Simulation {
  /** Requests per second, as a Poisson process: customers do not wait for each other. */
  readonly rate: number;
  readonly seconds: number;
  readonly seed: number;
  /** Whether a load shedder protects it. */
  readonly sheds: boolean;
  /**
   * Factor on every processing time, by the second.
   * @default 1
   */
  readonly slowness?: (second: number) => number;
}

/** The result, measured after the warm-up. */
export interface Outcome {
  /** Responses per second that came while the customer still waited. */
  readonly goodput: number;
  readonly p99Ms: number;
  /** Share of admitted requests of each priority. */
  readonly admitted: Readonly<Record<Priority, number>>;
  readonly limit: number;
}

/** A service with eight workers and a first-in-first-out queue. */
const WORKERS = 8;
const PATIENCE_MS = 1_000;
const WARM_UP_SECONDS = 5;

/** Three kinds of requests, as at the gateway: cheap reads, expensive reads, orders. */
const KINDS = [
  { kind: 'product', priority: 'low', share: 0.7, workMs: 6 },
  { kind: 'order', priority: 'low', share: 0.25, workMs: 8 },
  { kind: 'place', priority: 'high', share: 0.05, workMs: 20 },
] as const;

const meanWorkMs = KINDS.reduce((sum, { share, workMs }) => sum + share * workMs, 0);

/** Capacity of the service, in requests of that mix per second. */
export const capacity = (WORKERS * 1_000) / meanWorkMs;

interface Request {
  readonly arrivesAt: number;
  readonly kind: (typeof KINDS)[number];
  readonly workMs: number;
}

/** Runs the simulation in virtual time: the same seed gives the same outcome. */
export function simulate({ rate, seconds, seed, sheds, slowness = () => 1 }: Simulation): Outcome {
  const random = generator(seed);
  let now = 0;
  const limit = new AdaptiveLimit({ min: 16, max: 512, now: () => now });
  const shedder = new LoadShedder({ limit, eventLoopDelayMs: () => 0, allowedDelayMs: 200, now: () => now });
  const freeAt = Array.from({ length: WORKERS }, () => 0);
  const leaving: { readonly at: number; readonly leave: () => void }[] = [];
  const tookMs: number[] = [];
  const counts = {
    high: { offered: 0, admitted: 0 },
    normal: { offered: 0, admitted: 0 },
    low: { offered: 0, admitted: 0 },
  };

  const leaveUntil = (time: number): void => {
    for (let next = leaving[0]; next !== undefined && next.at <= time; next = leaving[0]) {
      leaving.shift();
      now = next.at;
      next.leave();
    }
    now = time;
  };
  for (const request of requests(rate, seconds, random)) {
    leaveUntil(request.arrivesAt);
    const { kind, priority } = request.kind;
    const measured = now >= WARM_UP_SECONDS * 1_000;
    if (measured) {
      counts[priority].offered += 1;
    }
    const decision = sheds ? shedder.admit(priority, kind) : undefined;
    if (decision !== undefined && 'shed' in decision) {
      continue;
    }
    if (measured) {
      counts[priority].admitted += 1;
    }
    const worker = freeAt.indexOf(Math.min(...freeAt));
    const endsAt = Math.max(now, freeAt[worker] ?? 0) + request.workMs * slowness(now / 1_000);
    freeAt[worker] = endsAt;
    const leave = (): void => {
      decision?.admitted.answered();
      if (measured) {
        tookMs.push(endsAt - request.arrivesAt);
      }
    };
    const place = leaving.findLastIndex(({ at }) => at <= endsAt) + 1;
    leaving.splice(place, 0, { at: endsAt, leave });
  }
  const end = seconds * 1_000;
  leaveUntil(end);
  const share = ({ offered, admitted }: { readonly offered: number; readonly admitted: number }): number =>
    offered === 0 ? 1 : admitted / offered;
  return {
    goodput: tookMs.filter((took) => took <= PATIENCE_MS).length / (seconds - WARM_UP_SECONDS),
    p99Ms: tookMs.toSorted((a, b) => a - b)[Math.floor(tookMs.length * 0.99)] ?? Number.NaN,
    admitted: { high: share(counts.high), normal: share(counts.normal), low: share(counts.low) },
    limit: limit.limit,
  };
}

function* requests(rate: number, seconds: number, random: () => number): Generator<Request> {
  let arrivesAt = 0;
  for (;;) {
    arrivesAt += (-Math.log(1 - random()) * 1_000) / rate;
    if (arrivesAt >= seconds * 1_000) {
      return;
    }
    const kind = kindAt(random());
    // Half of the work is constant, half varies.
    yield { arrivesAt, kind, workMs: kind.workMs * (0.5 - 0.5 * Math.log(1 - random())) };
  }
}

function kindAt(point: number): (typeof KINDS)[number] {
  const [product, order, place] = KINDS;
  if (point < product.share) {
    return product;
  }
  return point < product.share + order.share ? order : place;
}

/** mulberry32 (Tommy Ettinger, public domain). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
