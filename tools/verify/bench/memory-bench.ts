import { setTimeout as sleep } from 'node:timers/promises';
import type { Caller } from '@rookery/contracts';
import { APPS } from '@rookery/devkit/stack/app-process';
import type { Progress } from '@rookery/devkit/terminal/progress';
import { type BareStart, bareStart } from './bare-start';
import { type AppFigures, type MemoryBenchOptions, memoryReport, type MemoryRound } from './memory-report';
import { loadOf } from './orders-bench';
import { memoryOfProcess, type ProcessMemory } from './process-use';
import { circumstances, type Report } from './report';
import { StartedSystem } from './started-system';

const USUAL: MemoryBenchOptions = { rounds: 3, idleSeconds: 20, orderSeconds: 30, inFlight: 32 };
const LOOK_EVERY_MS = 500;

/** Memory of the five apps and the time that they take to start; with `--against`, beside the system of an earlier commit. */
export const memoryBench = {
  name: 'memory',
  what: 'memory of the five apps, idle and under orders, and how long they start; --against <ref>: beside that commit',
  run: (progress: Progress, { against }: { readonly against?: string | undefined } = {}): Promise<Report> =>
    measureMemory(progress, { ...USUAL, against }),
};

interface Contestant {
  readonly name: string;
  readonly rounds: MemoryRound[];
  system: StartedSystem;
}

/** One system runs at a time, so that neither takes the other's cores. */
export async function measureMemory(progress: Progress, options: MemoryBenchOptions): Promise<Report> {
  const { at, machine } = circumstances();
  const contestants: Contestant[] = [];
  const open = async (name: string, start: () => Promise<StartedSystem>): Promise<void> => {
    // The first start may install and build; only those after it count.
    const system = await progress.step(`${name} starts for the first time`, start);
    contestants.push({ name, rounds: [], system });
    await system.end();
  };
  try {
    await open('this work tree', () => StartedSystem.here());
    const { against } = options;
    if (against !== undefined) {
      await open(against, () => StartedSystem.of(against));
    }
    for (let round = 1; round <= options.rounds; round += 1) {
      for (const contestant of contestants) {
        await progress.step(`round ${round} of ${options.rounds}: ${contestant.name}`, async () => {
          contestant.system = await contestant.system.restarted();
          contestant.rounds.push(await oneRound(contestant.system, options));
          await contestant.system.end();
        });
      }
    }
  } finally {
    await Promise.all(contestants.map(({ system }) => system.stop()));
  }
  const measured = contestants.map(({ name, rounds }) => ({ name, rounds }));
  return {
    json: { at, machine, options, measured },
    markdown: memoryReport(`\`npm run bench -- memory\`, ${at}, ${machine}.`, options, measured),
  };
}

async function oneRound(system: StartedSystem, options: MemoryBenchOptions): Promise<MemoryRound> {
  await sleep(options.idleSeconds * 1_000);
  const idle = forApps((app) => memoryOfProcess(system.pidOf(app)));
  const starts = new Map<Caller, BareStart>();
  for (const app of APPS) {
    starts.set(app, await bareStart(system, app));
  }
  const load = await loadOf('memory', system, options.inFlight);
  const most = new Map<Caller, ProcessMemory>();
  const look = (): void => {
    for (const app of APPS) {
      const memory = memoryOfProcess(system.pidOf(app));
      most.set(app, larger(most.get(app), memory) ?? nothing);
    }
  };
  const looking = setInterval(look, LOOK_EVERY_MS);
  const { latenciesMs, seconds } = await load
    .buyFor(options.orderSeconds * 1_000)
    .finally(() => clearInterval(looking));
  return {
    npmStartMs: system.readyMs,
    ordersPerSecond: latenciesMs.length / seconds,
    apps: APPS.map((app): AppFigures => ({
      app,
      idle: idle.get(app) ?? nothing,
      underOrders: most.get(app) ?? nothing,
      main: starts.get(app) ?? { ms: Number.NaN, cpuMs: Number.NaN },
    })),
  };
}

/** Where the platform does not tell. */
const nothing: ProcessMemory = { resident: Number.NaN, proportional: Number.NaN, privateDirty: Number.NaN };

const forApps = <T>(of: (app: Caller) => T): ReadonlyMap<Caller, T> => new Map(APPS.map((app) => [app, of(app)]));

function larger(one: ProcessMemory | undefined, other: ProcessMemory | undefined): ProcessMemory | undefined {
  if (one === undefined || other === undefined) {
    return one ?? other;
  }
  return {
    resident: Math.max(one.resident, other.resident),
    proportional: Math.max(one.proportional, other.proportional),
    privateDirty: Math.max(one.privateDirty, other.privateDirty),
  };
}
