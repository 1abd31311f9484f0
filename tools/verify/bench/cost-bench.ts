import { randomUUID } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { type Caller, eventProducers, type Service } from '@rookery/contracts';
import { ApiClient } from '@rookery/devkit/client/api-client';
import { addProducts, untilDefinite } from '@rookery/devkit/client/retrying-load';
import { APPS, SERVICES } from '@rookery/devkit/stack/app-process';
import { asAdmin } from '@rookery/devkit/stack/broker-reader';
import { buildApps } from '@rookery/devkit/stack/build';
import { IsolatedStack } from '@rookery/devkit/stack/isolated-stack';
import { drained } from '@rookery/devkit/stack/rest';
import { rowsOf } from '@rookery/devkit/stack/rows';
import type { Progress } from '@rookery/devkit/terminal/progress';
import { type Cost, type CostBenchOptions, costReport, type CostResult, type Variant } from './cost-report';
import { cpuSecondsOf, residentMiBOf } from './process-use';
import { circumstances } from './report';

const USUAL: CostBenchOptions = { orders: 300, rate: 10, idleSeconds: 20, warmUp: 150 };
const CUSTOMERS = 8;

/** What is being compared: the same stack with more or less to do. */
const VARIANTS = [
  { name: 'confirmed', what: 'one line, paid and in stock', token: 'tok_ok', logLevel: 'info' },
  { name: 'rejected', what: 'the payment is declined', token: 'tok_declined', logLevel: 'info' },
  { name: 'confirmed, LOG_LEVEL=warn', what: 'as the first, with fewer log lines', token: 'tok_ok', logLevel: 'warn' },
] as const;

/** What one order costs: CPU per process, bytes in databases, WAL, streams and logs; and what the processes take while nothing happens. */
export const costBench = {
  name: 'cost',
  what: 'what one order costs in CPU-seconds and bytes, and what each process takes idle and under load',
  run: async (progress: Progress) => costReport(await measureCost(progress, USUAL)),
};

/** Measures each variant; those with the same log level on one stack, one after the other. */
export async function measureCost(progress: Progress, options: CostBenchOptions): Promise<CostResult> {
  await progress.step('build', () => buildApps());
  const at = circumstances();
  const measured = new Map<string, Variant>();
  for (const logLevel of new Set(VARIANTS.map((variant) => variant.logLevel))) {
    const stack = await IsolatedStack.start({ progress, environment: { LOG_LEVEL: logLevel } });
    try {
      const metered = await MeteredStack.open(stack, progress, options);
      for (const variant of VARIANTS.filter((one) => one.logLevel === logLevel)) {
        measured.set(variant.name, {
          name: variant.name,
          what: variant.what,
          ...(await metered.sell(variant.name, variant.token)),
        });
      }
    } finally {
      await progress.step('stopped', () => stack.stop());
    }
  }
  const variants = VARIANTS.flatMap(({ name }) => measured.get(name) ?? []);
  return {
    ...at,
    options,
    variants,
  };
}

/** Everything that is counted, as it stands at a moment. */
interface Meter {
  readonly at: number;
  /** CPU-seconds since the process began; undefined where /proc does not tell. */
  readonly cpu: ReadonlyMap<string, number | undefined>;
  readonly tables: ReadonlyMap<string, number>;
  readonly wal: ReadonlyMap<string, number>;
  readonly streams: ReadonlyMap<string, number>;
  readonly logs: ReadonlyMap<string, number>;
}

class MeteredStack {
  /** Requests with another answer than 201, because the machine is overloaded. */
  private repeated = 0;

  private constructor(
    private readonly stack: IsolatedStack,
    private readonly progress: Progress,
    private readonly options: CostBenchOptions,
    private readonly customer: ApiClient,
    private readonly product: string,
    /** CPU-seconds per second of each process while nothing happens. */
    private readonly idle: ReadonlyMap<string, number | undefined>,
    private readonly idleMemory: ReadonlyMap<string, number | undefined>,
  ) {}

  /** Warmed up, and measured while it stands idle. */
  static async open(stack: IsolatedStack, progress: Progress, options: CostBenchOptions): Promise<MeteredStack> {
    const customer = await ApiClient.signIn(stack, 'alice');
    const [, product = ''] = await addProducts(await ApiClient.signIn(stack, 'olga'));
    const nothing = new Map<string, number>();
    const cold = new MeteredStack(stack, progress, options, customer, product, nothing, nothing);
    await progress.step(`${options.warmUp} orders to warm up`, () => cold.place(options.warmUp, 'tok_ok'));
    await drained(stack);
    const [idle, memory] = await progress.step(`idle for ${options.idleSeconds} s`, async () => {
      const before = await cold.read();
      await sleep(options.idleSeconds * 1_000);
      const after = await cold.read();
      return [perUnit(before.cpu, after.cpu, (after.at - before.at) / 1_000), cold.memory()] as const;
    });
    return new MeteredStack(stack, progress, options, customer, product, idle, memory);
  }

  /** Places the orders, waits until all have ended, and divides what that took. */
  async sell(name: string, paymentToken: string): Promise<Omit<Variant, 'name' | 'what'>> {
    const { orders } = this.options;
    return this.progress.step(`${orders} orders: ${name}`, async () => {
      this.repeated = 0;
      const before = await this.read();
      const memory = new Map<string, number | undefined>();
      const watch = setInterval(
        () => this.memory().forEach((mib, who) => void memory.set(who, most(memory.get(who), mib))),
        1_000,
      );
      await this.place(orders, paymentToken).finally(() => clearInterval(watch));
      const placed = await this.read();
      const rest = await drained(this.stack);
      if (rest === undefined) {
        throw new Error('the orders did not end');
      }
      const after = await this.read();
      const seconds = (after.at - before.at) / 1_000;
      const loadSeconds = (placed.at - before.at) / 1_000;
      const cost: Cost = {
        cpuMs: mapped(differences(before.cpu, after.cpu), (used, who) =>
          used === undefined ? undefined : (1_000 * (used - (this.idle.get(who) ?? 0) * seconds)) / orders,
        ),
        tables: perUnit(before.tables, after.tables, orders),
        wal: perUnit(before.wal, after.wal, orders),
        streams: perUnit(before.streams, after.streams, orders),
        logs: perUnit(before.logs, after.logs, orders),
      };
      return {
        cost,
        ratePerSecond: orders / loadSeconds,
        repeated: this.repeated,
        idleCores: Object.fromEntries(this.idle),
        idleMiB: Object.fromEntries(this.idleMemory),
        loadCores: Object.fromEntries(perUnit(before.cpu, placed.cpu, loadSeconds)),
        loadMiB: Object.fromEntries(memory),
      };
    });
  }

  /** At the given rate, or slower on a slow machine: a customer waits for an answer before the next order. */
  private async place(orders: number, paymentToken: string): Promise<void> {
    const startedAt = performance.now();
    let next = 0;
    const orderInTurn = async (): Promise<void> => {
      for (let count = next++; count < orders; count = next++) {
        const waitMs = startedAt + (count * 1_000) / this.options.rate - performance.now();
        if (waitMs > 0) {
          await sleep(waitMs);
        }
        await this.order(paymentToken);
      }
    };
    await Promise.all(Array.from({ length: CUSTOMERS }, orderInTurn));
  }

  private async order(paymentToken: string): Promise<void> {
    const key = randomUUID();
    const order = { lines: [{ productId: this.product, quantity: 1 }], paymentToken };
    let tries = 0;
    const answer = await untilDefinite(async () => {
      tries += 1;
      return this.customer.place(order, key).catch(() => undefined);
    });
    if (answer?.status !== 201) {
      throw new Error(`an order was answered ${answer?.status ?? 'too late'}: ${answer?.text}`);
    }
    this.repeated += tries - 1;
  }

  private async read(): Promise<Meter> {
    const { stack } = this;
    const perService = async (sql: string): Promise<ReadonlyMap<string, number>> =>
      new Map(
        await Promise.all(
          SERVICES.map(
            async (service) => [service, Number((await rowsOf<{ n: string }>(stack, service, sql))[0]?.n)] as const,
          ),
        ),
      );
    return {
      at: Date.now(),
      cpu: new Map(this.processes().map(([who, pid]) => [who, cpuSecondsOf(pid)])),
      tables: await perService('SELECT sum(pg_total_relation_size(relid)) AS n FROM pg_stat_user_tables'),
      wal: await perService(`SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS n`),
      streams: await streamBytes(stack),
      logs: new Map(readdirSync(stack.logsFolder).map((file) => [file, statSync(join(stack.logsFolder, file)).size])),
    };
  }

  private memory(): ReadonlyMap<string, number | undefined> {
    return new Map(this.processes().map(([who, pid]) => [who, residentMiBOf(pid)]));
  }

  private processes(): readonly (readonly [string, number | undefined])[] {
    const { stack } = this;
    return [
      ...APPS.map((app: Caller) => [app, stack.app(app).pid] as const),
      ...SERVICES.map((service: Service) => [`Postgres of ${service}`, stack.databasePid(service)] as const),
      ['NATS', stack.brokerPid] as const,
    ];
  }
}

async function streamBytes(stack: IsolatedStack): Promise<ReadonlyMap<string, number>> {
  return asAdmin(stack, async (admin) => {
    const manager = await jetstreamManager(admin);
    const bytes = eventProducers.map(async (producer) => {
      const { state } = await manager.streams.info(producer.toUpperCase());
      return [producer, state.bytes] as const;
    });
    return new Map(await Promise.all(bytes));
  });
}

type Figures = ReadonlyMap<string, number | undefined>;

const mapped = <T>(figures: Figures, change: (figure: number | undefined, name: string) => T): ReadonlyMap<string, T> =>
  new Map([...figures].map(([name, figure]) => [name, change(figure, name)]));

const differences = (before: Figures, after: Figures): Figures =>
  mapped(after, (figure, name) => (figure === undefined ? undefined : figure - (before.get(name) ?? 0)));

const perUnit = (before: Figures, after: Figures, units: number): Figures =>
  mapped(differences(before, after), (figure) => (figure === undefined ? undefined : figure / units));

const most = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined || other === undefined ? (other ?? one) : Math.max(one, other);
