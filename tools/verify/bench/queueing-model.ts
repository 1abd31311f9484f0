/**
 * A model of the path of an order: one CPU station with a server per core, and a delay where nothing queues (disk, timers). Both are fed with
 * what was measured at one order a second and at saturation; everything between is predicted.
 *
 * - From POST to Confirmed an order takes `unloadedMs` when it is alone. As much of it as the order takes of CPU is work at the CPU station, the
 *   rest is delay. CPU beyond that time is used beside the path or after it: it keeps cores busy, and the order does not wait for it.
 * - Work at the CPU station is stretched as in M/M/m with processor sharing: by 1 + C(m, a) / (m (1 − ρ)), with Erlang’s C.
 * - Group commit makes orders cheaper under load. An order that finds the system busy shares its transactions, and the share of orders that
 *   find it busy is the utilization, so the demand is interpolated by the utilization: D(ρ) = D(idle) + ρ (D(saturated) − D(idle)).
 */
export interface Demands {
  /** Of the machine, whole. */
  readonly cores: number;
  /** What other programs had of them. */
  readonly otherCores: number;
  /** Mean from POST to Confirmed of an order that is alone, ms. */
  readonly unloadedMs: number;
  /** CPU-seconds of one order of all programs that take part, its client included: alone, and at saturation. */
  readonly aloneCpuSeconds: number;
  readonly saturatedCpuSeconds: number;
}

/** An open system at a load. */
export interface OpenPrediction {
  /** Share of the cores that are busy, from 0 to 1. */
  readonly utilization: number;
  /** Infinite from the capacity on. */
  readonly meanMs: number;
}

/** A closed system with so many orders in flight. */
export interface ClosedPrediction {
  readonly ordersPerSecond: number;
  readonly meanMs: number;
}

/** Orders that come whether or not earlier ones have ended. */
export function predictOpen(demands: Demands, ordersPerSecond: number): OpenPrediction {
  const { cores, unloadedMs } = demands;
  const utilization = utilizationAt(demands, ordersPerSecond);
  if (utilization >= 1) {
    return { utilization: 1, meanMs: Number.POSITIVE_INFINITY };
  }
  const workMs = Math.min(unloadedMs, 1_000 * demands.aloneCpuSeconds);
  return { utilization, meanMs: unloadedMs - workMs + workMs * stretch(cores, utilization) };
}

/** Always the same number of orders in flight, by mean value analysis. The demand is that at saturation. */
export function predictClosed(demands: Demands, inFlight: number): ClosedPrediction {
  const { cores, unloadedMs, aloneCpuSeconds, saturatedCpuSeconds } = demands;
  const delaySeconds = Math.max(0, unloadedMs / 1_000 - aloneCpuSeconds);
  const ordersPerSecond = closedThroughput(cores, saturatedCpuSeconds * slower(demands), delaySeconds, inFlight);
  return { ordersPerSecond, meanMs: (1_000 * inFlight) / ordersPerSecond };
}

/**
 * Exact mean value analysis of one station with `servers` servers and one delay, for as many customers (Reiser and Lavenberg, 1980).
 * Result: customers per second.
 */
export function closedThroughput(servers: number, demand: number, delay: number, customers: number): number {
  let [queue, throughput] = [0, 0];
  // Probabilities that so many customers are at the station, below the number of servers.
  let few = Array.from({ length: servers }, (_, index): number => (index === 0 ? 1 : 0));
  for (let number = 1; number <= customers; number += 1) {
    const free = few.slice(0, -1).reduce((sum, chance, index) => sum + (servers - index - 1) * chance, 0);
    const residence = (demand / servers) * (1 + queue + free);
    throughput = number / (delay + residence);
    queue = throughput * residence;
    const next = few.map((_, index) => (index === 0 ? 0 : (throughput * demand * (few[index - 1] ?? 0)) / index));
    const busy = next.reduce((sum, chance, index) => (index === 0 ? sum : sum + (servers - index) * chance), 0);
    // Differences of nearly equal numbers: below zero only by rounding.
    next[0] = Math.max(0, 1 - (throughput * demand + busy) / servers);
    few = next;
  }
  return throughput;
}

/** How much longer work takes than on an idle machine, by the share of the cores that are busy (below 1). */
export function stretch(cores: number, utilization: number): number {
  return 1 + erlangC(cores, cores * utilization) / (cores * (1 - utilization));
}

/** Probability that all servers are busy, in M/M/m, for an offered load below the number of servers (Erlang’s C). */
export function erlangC(servers: number, offered: number): number {
  // Erlang’s B, by its recursion.
  let blocked = 1;
  for (let count = 1; count <= servers; count += 1) {
    blocked = (offered * blocked) / (count + offered * blocked);
  }
  return blocked / (1 - (offered / servers) * (1 - blocked));
}

/** Share of the cores that are busy: the solution of ρ = λ D(ρ) / m. From the capacity on, at least 1. */
export function utilizationAt(demands: Demands, ordersPerSecond: number): number {
  const load = (ordersPerSecond * slower(demands)) / demands.cores;
  const saved = demands.aloneCpuSeconds - demands.saturatedCpuSeconds;
  return (load * demands.aloneCpuSeconds) / (1 + load * saved);
}

/** Other programs take a share of each core, so work takes longer by this factor. */
const slower = ({ cores, otherCores }: Demands): number => cores / (cores - otherCores);
