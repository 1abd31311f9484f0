/**
 * A model of the whole system as one station whose rate depends on how many orders are in it (a flow-equivalent server: Chandy, Herzog and Woo,
 * 1975). It is fed with an order that is alone and with a closed loop at saturation; everything between is predicted.
 *
 * - An order that is alone takes `unloadedMs` to Confirmed. It keeps cores busy for `aloneCpuSeconds`, some of that behind Confirmed, so it is in
 *   the station for the longer of the two times.
 * - n orders leave at the rate min(n / time alone, cores / D(n)): either each goes at its own speed, or the cores are all busy.
 * - Orders that wait at the same of `GROUPS` steps share a transaction, and with it a part of the work that costs the same for one and for
 *   many: D(n) = a + b / g(n), where g(n) is the mean group. a and b follow from the two measurements. Beyond the closed loop’s number in
 *   flight nothing is extrapolated: D stays what was measured there.
 * - The cores are shared fairly, so the way to Confirmed is stretched as the whole time in the station is.
 */
export interface Demands {
  /** Of the machine. */
  readonly cores: number;
  /** What other programs had of them. */
  readonly otherCores: number;
  /** Mean from POST to Confirmed of an order that is alone, ms. */
  readonly unloadedMs: number;
  /** CPU-seconds of one order of all programs that take part, its client included: alone, and in the closed loop. */
  readonly aloneCpuSeconds: number;
  readonly saturatedCpuSeconds: number;
  /** Orders on their way in the closed loop. */
  readonly inFlight: number;
}

/** Transactions that an order passes one after the other until it is Confirmed: placed, payment begun, payment answered, stock reserved, confirmed. */
const GROUPS = 5;

/** States of the chain that are looked at. Those beyond have no weight at any load below the capacity by a hundredth. */
const MOST_ORDERS = 20_000;

/** Mean from POST to Confirmed (ms) when orders come at random, whether or not earlier ones have ended; infinite from the capacity on. */
export function predictOpen(demands: Demands, ordersPerSecond: number): number {
  if (ordersPerSecond >= coresOf(demands) / demands.saturatedCpuSeconds) {
    return Number.POSITIVE_INFINITY;
  }
  // Weights of the states of the chain, relative to that of the empty system; scaled down before they leave the range of numbers.
  let [weight, all, orders] = [1, 1, 0];
  for (let number = 1; number <= MOST_ORDERS && weight > all * Number.EPSILON; number += 1) {
    weight *= ordersPerSecond / rateOf(demands, number);
    all += weight;
    orders += number * weight;
    if (all > 1e200) {
      [weight, all, orders] = [weight / all, 1, orders / all];
    }
  }
  // By Little’s law the mean time in the station; of it, the part before Confirmed.
  return (1_000 * toConfirmed(demands) * orders) / all / ordersPerSecond;
}

/** Orders per second with always the same number on their way. For a single station mean value analysis says: its rate with so many. */
export const predictClosed = (demands: Demands, inFlight = demands.inFlight): number =>
  rateOf(demands, inFlight / toConfirmed(demands));

/** Orders that leave per second while so many are in the station. */
export const rateOf = (demands: Demands, orders: number): number =>
  Math.min(orders / secondsAlone(demands), coresOf(demands) / demandOf(demands, orders));

/** CPU-seconds of one order while so many are in the station. */
export function demandOf(demands: Demands, orders: number): number {
  const { aloneCpuSeconds, saturatedCpuSeconds, inFlight } = demands;
  const inGroup = groupOf(Math.min(inFlight, orders * toConfirmed(demands)));
  const shared = (aloneCpuSeconds - saturatedCpuSeconds) / (1 - 1 / groupOf(inFlight));
  return aloneCpuSeconds - shared + shared / inGroup;
}

/** Orders that share a transaction, by how many are on their way: one that comes to a step finds its share of the others there. */
const groupOf = (inFlight: number): number => 1 + Math.max(0, inFlight - 1) / GROUPS;

/** Which part of its time in the station an order is not yet Confirmed. */
const toConfirmed = (demands: Demands): number => demands.unloadedMs / 1_000 / secondsAlone(demands);

const secondsAlone = (demands: Demands): number =>
  Math.max(demands.unloadedMs / 1_000, demands.aloneCpuSeconds / coresOf(demands));

const coresOf = ({ cores, otherCores }: Demands): number => cores - otherCores;
