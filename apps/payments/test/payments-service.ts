import { randomBytes } from 'node:crypto';
import { OrderCanceled, OrderConfirmed, OrderCreated } from '@rookery/contracts';
import { JetStreamServer } from '@rookery/messaging';
import { configureLogger, createService, uuidv7 } from '@rookery/platform';
import { TokenSealer } from '@rookery/security';
import {
  type EventRecorder,
  handledEvents,
  internalKeys,
  publishEvent,
  recordEvents,
  testBroker,
  type TestBroker,
  TestCaller,
  testDatabase,
  type TestDatabase,
} from '@rookery/testing';
import { paymentsDatabase } from '../src/database';
import { PaymentsConfig } from '../src/payments.config';
import { payments } from '../src/service';
import { anOrder } from './builders';

/** The whole service on a real database and a real broker; orders is the events a spec publishes. */
export class RunningPayments {
  private constructor(
    readonly database: TestDatabase,
    readonly caller: TestCaller,
    readonly published: EventRecorder,
    private readonly broker: TestBroker,
    private readonly sealer: TokenSealer,
    private readonly app: Awaited<ReturnType<typeof createService>>,
  ) {}

  static async start(): Promise<RunningPayments> {
    const [database, broker, keys] = await Promise.all([
      testDatabase('payments', paymentsDatabase({ DATABASE_URL: 'postgres://unused' })),
      testBroker(),
      internalKeys(),
    ]);
    const sealingKey = randomBytes(32).toString('base64url');
    const config = PaymentsConfig.parse({
      ...broker.envOf('payments'),
      LOG_LEVEL: 'silent',
      DATABASE_URL: database.url,
      INTERNAL_JWKS: keys.jwksSetting,
      SEALING_KEY: sealingKey,
    });
    configureLogger('payments', config.LOG_LEVEL);
    const app = await createService(payments.options(config));
    await app.init();
    await app.startAllMicroservices();
    return new RunningPayments(
      database,
      await TestCaller.connect(broker),
      await recordEvents(broker, 'payments'),
      broker,
      new TokenSealer(sealingKey),
      app,
    );
  }

  /** OrderCreated of a new order, or of one that was heard of before; returns its id and the event's. */
  async created(
    token: string,
    orderId = uuidv7(),
  ): Promise<{ orderId: string; eventId: string; correlationId: string }> {
    const order = anOrder({ orderId, sealedPaymentToken: await this.sealer.seal(token) });
    const correlationId = uuidv7();
    const eventId = await publishEvent(this.broker, OrderCreated, order, { aggregateId: orderId, correlationId });
    return { orderId, eventId, correlationId };
  }

  async confirmed(orderId: string): Promise<void> {
    await publishEvent(this.broker, OrderConfirmed, { orderId }, { aggregateId: orderId, sequence: 2 });
  }

  async canceled(orderId: string): Promise<void> {
    const data = { orderId, reason: 'customer-request' as const };
    await publishEvent(this.broker, OrderCanceled, data, { aggregateId: orderId, sequence: 2 });
  }

  /** Id of the order's payment, once there is one. */
  async paymentOf(orderId: string): Promise<string> {
    const [payment] = await this.database.query<{ id: string }>('SELECT id FROM payments WHERE order_id = $1', [
      orderId,
    ]);
    if (!payment) {
      throw new Error(`order ${orderId} has no payment`);
    }
    return payment.id;
  }

  /** The events it has handlers for, and those it should have. */
  handledEvents() {
    return handledEvents(this.app.get(JetStreamServer), 'payments');
  }

  /** Answer of the service's own HTTP port. */
  get(path: string): Promise<{ readonly statusCode: number }> {
    return this.app.inject({ method: 'GET', url: path });
  }

  async stop(): Promise<void> {
    await this.app.close();
    await this.broker.close();
    await this.database.drop();
  }
}
