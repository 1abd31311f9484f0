import { randomBytes } from 'node:crypto';
import { connect, Outbox, UnitOfWork } from '@rookery/persistence';
import { uuidv7 } from '@rookery/platform';
import { TokenSealer } from '@rookery/security';
import { testDatabase, type TestDatabase } from '@rookery/testing';
import { paymentsDatabase } from '../src/database';
import { PaymentAttempts } from '../src/payment/payment-attempts';
import { PaymentRepository } from '../src/payment/payment.repository';
import { PaymentService } from '../src/payment/payment.service';
import { PaymentWorker } from '../src/payment/payment.worker';
import { ProviderCaller } from '../src/payment/provider-caller';
import type { PaymentProvider } from '../src/provider/payment-provider';
import { SimulatedProvider } from '../src/provider/simulated-provider';
import { PaymentRecordQueries } from '../src/reconciliation/payment-records.queries';
import { amount, anOrder } from './builders';

/** One charge in the simulated provider's ledger. */
export interface Charge {
  readonly state: string;
  readonly amount_minor: number | null;
}

/** The rules and statements of payments on a real Postgres, without transport; the worker runs only when a spec starts it. */
export class PaymentsOnPostgres {
  private constructor(
    readonly database: TestDatabase,
    readonly attempts: PaymentAttempts,
    readonly simulator: SimulatedProvider,
    readonly service: PaymentService,
    readonly records: PaymentRecordQueries,
    private readonly sealer: TokenSealer,
    private readonly parts: readonly [UnitOfWork, PaymentRepository],
    private readonly workers: PaymentWorker[],
    private readonly close: () => Promise<void>,
  ) {}

  static async start(): Promise<PaymentsOnPostgres> {
    const database = await testDatabase('payments', paymentsDatabase({ DATABASE_URL: '' }));
    const dataSource = await connect(paymentsDatabase({ DATABASE_URL: database.url }));
    const unitOfWork = new UnitOfWork(dataSource);
    const payments = new PaymentRepository(unitOfWork, new Outbox(unitOfWork));
    const attempts = new PaymentAttempts(dataSource);
    const simulator = new SimulatedProvider(dataSource);
    const sealer = new TokenSealer(randomBytes(32).toString('base64url'));
    const caller = new ProviderCaller(unitOfWork, payments, attempts, simulator, sealer);
    const worker = new PaymentWorker(attempts, caller);
    const service = new PaymentService(unitOfWork, payments, worker);
    return new PaymentsOnPostgres(
      database,
      attempts,
      simulator,
      service,
      new PaymentRecordQueries(dataSource, simulator),
      sealer,
      [unitOfWork, payments],
      [worker],
      async () => {
        await dataSource.destroy();
        await database.drop();
      },
    );
  }

  /** The payment's id as each of several openers at the same time sees it. */
  openTogether(orderId: string, openers: number): Promise<readonly string[]> {
    const [unitOfWork, payments] = this.parts;
    const open = (): Promise<string> => unitOfWork.run((tx) => payments.open(tx, orderId));
    return Promise.all(Array.from({ length: openers }, open));
  }

  /** The worker that the service wakes. */
  startWorker(): void {
    for (const worker of this.workers) {
      worker.onApplicationBootstrap();
    }
  }

  /** Executes attempts at a provider of the spec's. */
  callerOf(provider: PaymentProvider): ProviderCaller {
    return new ProviderCaller(...this.parts, this.attempts, provider, this.sealer);
  }

  /** OrderCreated of a new order, paid with this token. */
  async order(token: string): Promise<string> {
    const orderId = uuidv7();
    await this.created(orderId, token);
    return orderId;
  }

  async created(orderId: string, token: string): Promise<void> {
    await this.service.orderCreated(
      anOrder({ orderId, sealedPaymentToken: await this.sealer.seal(token), total: amount }),
    );
  }

  async statusOf(orderId: string): Promise<string | undefined> {
    const sql = 'SELECT status FROM payments WHERE order_id = $1';
    return (await this.database.query<{ status: string }>(sql, [orderId]))[0]?.status;
  }

  /** The provider's own word. */
  async chargesOf(orderId: string): Promise<readonly Charge[]> {
    const sql = 'SELECT state, amount_minor::int FROM simulator.charges WHERE order_id = $1';
    return this.database.query<Charge & { [column: string]: unknown }>(sql, [orderId]);
  }

  async eventsOf(orderId: string): Promise<readonly string[]> {
    const sql = "SELECT name FROM outbox WHERE data ->> 'orderId' = $1 ORDER BY sequence";
    return (await this.database.query<{ name: string }>(sql, [orderId])).map(({ name }) => name);
  }

  async stop(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.beforeApplicationShutdown()));
    await this.close();
  }
}
