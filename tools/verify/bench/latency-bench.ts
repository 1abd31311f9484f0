import { availableParallelism, cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Progress } from '@rookery/devkit/terminal/progress';
import { arrivalTimes } from './arrivals';
import {
  type LatencyBenchOptions,
  latencyReport,
  type Load,
  type MeasuredLatency,
  type OpenLoad,
  type Point,
} from './latency-report';
import { orderAt } from './open-order-load';
import { OrderLoad } from './order-load';
import { productsOf } from './orders-bench';
import { percentile } from './overload-report';
import { shopOf } from './own-system';
import { circumstances, type Report } from './report';
import { StartedSystem } from './started-system';
import { countingStatements, forCounted, perOrder, perSecond, SystemMeter, type Use } from './system-meter';

const USUAL: LatencyBenchOptions = {
  rounds: 3,
  warmUpSeconds: 30,
  idleSeconds: 20,
  closedSeconds: 15,
  slowSeconds: 40,
  openSeconds: 20,
  inFlight: 32,
};

/** The same times of arrival for every system, and others in every round. */
const SEED = 2_026;

/** One order a second, then shares of the capacity; of the other system only what is compared. */
const OWN_LOADS: readonly OpenLoad[] = ['1/s', 0.25, 0.5, 0.75, 0.9];
const OTHER_LOADS: readonly OpenLoad[] = ['1/s', 0.5];

/** Orders that come whether or not earlier ones have ended; with `--against`, beside the system of an earlier commit. */
export const latencyBench = {
  name: 'latency',
  what: 'POST to Confirmed by load, as customers come, and what an order takes of Postgres; --against <ref>: beside that commit',
  run: (progress: Progress, { against }: { readonly against?: string | undefined } = {}): Promise<Report> =>
    measureLatency(progress, { ...USUAL, against }),
};

/** @throws {Error} when an order ends other than Confirmed */
export async function measureLatency(progress: Progress, options: LatencyBenchOptions): Promise<Report> {
  const { at, machine } = circumstances();
  const started: StartedSystem[] = [];
  const systems: LoadedSystem[] = [];
  const start = async (
    name: string,
    loads: readonly OpenLoad[],
    first: () => Promise<StartedSystem>,
  ): Promise<void> => {
    const system = await progress.step(`${name} starts`, async () => {
      const one = await first();
      started.push(one);
      const counting = await countingStatements(one);
      started.splice(started.indexOf(one), 1, counting);
      return counting;
    });
    systems.push(await LoadedSystem.of(name, loads, system, options));
  };
  try {
    await start('this work tree', OWN_LOADS, () => StartedSystem.here());
    const { against } = options;
    if (against !== undefined) {
      await start(against, OTHER_LOADS, () => StartedSystem.of(against));
    }
    for (const system of systems) {
      await progress.step(`${system.name} rests and warms up`, () => system.warmUp());
    }
    for (let round = 1; round <= options.rounds; round += 1) {
      for (const system of systems) {
        const about = `round ${round} of ${options.rounds}: ${system.name}`;
        const { reachedPerSecond } = await progress.step(`${about}, ${options.inFlight} in flight`, () =>
          system.closed(),
        );
        for (const load of system.loads) {
          const perSecond = load === '1/s' ? 1 : load * reachedPerSecond;
          await progress.step(`${about}, ${perSecond.toFixed(0)} orders/s`, () => system.open(load, perSecond, round));
        }
      }
    }
  } finally {
    systems.forEach((system) => system.close());
    await Promise.all(started.map((system) => system.stop()));
  }
  const cores = availableParallelism();
  const measured = systems.map((system) => system.measured());
  return {
    json: { at, machine, options, cores, measured },
    markdown: latencyReport(`\`npm run bench -- latency\`, ${at}, ${machine}.`, { options, cores, measured }),
  };
}

/** A system with its customers and with what was measured of it. */
class LoadedSystem {
  private readonly points: Point[] = [];
  private readonly meter: SystemMeter;
  private idlePerSecond: Use = nothing;

  private constructor(
    readonly name: string,
    readonly loads: readonly OpenLoad[],
    private readonly system: StartedSystem,
    private readonly options: LatencyBenchOptions,
    private readonly products: readonly string[],
    private readonly load: OrderLoad,
  ) {
    this.meter = new SystemMeter(system);
  }

  static async of(
    name: string,
    loads: readonly OpenLoad[],
    system: StartedSystem,
    options: LatencyBenchOptions,
  ): Promise<LoadedSystem> {
    const products = await productsOf(system);
    const load = new OrderLoad(shopOf(name, system), products, options.inFlight);
    return new LoadedSystem(name, loads, system, options, products, load);
  }

  /** Measures what the system takes while nobody orders, and then warms up: afterwards Postgres would clean the tables up. */
  async warmUp(): Promise<void> {
    const before = await this.meter.settled();
    await sleep(this.options.idleSeconds * 1_000);
    this.idlePerSecond = perSecond(before, await this.meter.settled());
    await this.load.buyFor(this.options.warmUpSeconds * 1_000);
  }

  /** As many orders as it can take, always the same number on their way. */
  closed(): Promise<Point> {
    return this.measure('closed', async () => {
      const seen = await this.load.buyFor(this.options.closedSeconds * 1_000);
      return {
        ...seen,
        offered: seen.latenciesMs.length,
        offeredSeconds: seen.seconds,
        refused: 0,
        clientLateMs: 0,
        lookCpuSeconds: 0,
      };
    });
  }

  open(load: OpenLoad, ordersPerSecond: number, round: number): Promise<Point> {
    const seconds = load === '1/s' ? this.options.slowSeconds : this.options.openSeconds;
    const arrivals = arrivalTimes({ perSecond: ordersPerSecond, seconds, seed: SEED + round });
    return this.measure(load, async () => {
      const seen = await orderAt(arrivals, shopOf(this.name, this.system), this.products);
      return { ...seen, offered: arrivals.length, offeredSeconds: seconds };
    });
  }

  private async measure(load: Load, orders: () => Promise<Offered>): Promise<Point> {
    const before = await this.meter.read();
    const [client, machine] = [process.cpuUsage(), busySeconds()];
    const seen = await orders();
    const used = process.cpuUsage(client);
    const clientCpu = (used.user + used.system) / 1_000_000;
    const machineCpu = busySeconds() - machine;
    const systemCpu = (this.system.cpuSeconds ?? Number.NaN) - before.counts.cpuSeconds;
    const count = seen.latenciesMs.length;
    const { counts, programs } = perOrder(before, await this.meter.settled(), this.idlePerSecond, count);
    const looks = (seen.lookCpuSeconds ?? Number.NaN) / count;
    const sorted = seen.latenciesMs.toSorted((one, other) => one - other);
    const point: Point = {
      load,
      orders: count,
      offeredPerSecond: seen.offered / seen.offeredSeconds,
      reachedPerSecond: count / seen.seconds,
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
      meanMs: sorted.reduce((sum, ms) => sum + ms, 0) / count,
      refused: seen.refused,
      clientLateMs: seen.clientLateMs,
      perOrder: { ...counts, cpuSeconds: counts.cpuSeconds - looks },
      programs,
      benchCpuSeconds: clientCpu / count + looks,
      otherCores: Math.max(0, (machineCpu - systemCpu - clientCpu) / seen.seconds),
    };
    this.points.push(point);
    return point;
  }

  measured(): MeasuredLatency {
    return { name: this.name, idlePerSecond: this.idlePerSecond.counts, points: this.points };
  }

  close(): void {
    this.meter.close();
  }
}

/** Where nothing was measured. */
const nothing: Use = { counts: forCounted(() => Number.NaN), programs: {} };

/** Orders of one point as they were seen. */
interface Offered {
  readonly latenciesMs: readonly number[];
  readonly seconds: number;
  readonly offered: number;
  readonly offeredSeconds: number;
  readonly refused: number;
  readonly clientLateMs: number;
  readonly lookCpuSeconds: number | undefined;
}

/** CPU-seconds that all programs of the machine have taken. */
const busySeconds = (): number =>
  cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1_000;
