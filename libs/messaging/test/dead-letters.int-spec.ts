import { jetstream } from '@nats-io/jetstream';
import { headers as newHeaders, type NatsConnection } from '@nats-io/nats-core';
import { Controller, Global, Module } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { DeadLetterRpc, type EventEnvelope, type EventOf, OrderConfirmed } from '@rookery/contracts';
import {
  Audit,
  type AuditedAct,
  configureLogger,
  HealthModule,
  Idempotency,
  KeyedAnswer,
  type KeyedRequest,
  PassedEvents,
  uuidv7,
} from '@rookery/platform';
import { SecurityModule } from '@rookery/security';
import {
  type BootedService,
  bootService,
  eventually,
  internalKeys,
  testActor,
  testBroker,
  type TestBroker,
  TestCaller,
} from '@rookery/testing';
import { Nats } from '../src/broker/nats';
import { DeadLettersModule } from '../src/dead-letters/dead-letters.module';
import { JetStreamServer } from '../src/events/jetstream-server';
import { OnEvent } from '../src/events/on-event';
import { MessagingModule } from '../src/messaging.module';
import { RpcServer } from '../src/rpc/rpc-server';

/** Ids of the events that took effect. It is the inbox of this spec. */
const effects: string[] = [];
let broken = false;
const audited: (AuditedAct & { readonly outcome: string })[] = [];

function handle(event: EventEnvelope): void {
  if (broken) {
    throw new Error('the dependency is down');
  }
  if (!effects.includes(event.id)) {
    effects.push(event.id);
  }
}

@Controller()
class PaymentConsumer {
  @OnEvent(OrderConfirmed)
  confirmed(@Payload() event: EventOf<typeof OrderConfirmed>): void {
    handle(event);
  }
}

class AuditInMemory extends Audit {
  async around<T extends { readonly outcome: string }>(act: AuditedAct, work: () => Promise<T>): Promise<T> {
    const result = await work();
    audited.push({ ...act, outcome: result.outcome });
    return result;
  }
}

/** An in-memory substitute of the table in persistence, whose own specs test the keys. */
class IdempotencyInMemory extends Idempotency {
  async act<Answer>(_request: KeyedRequest<Answer>, work: () => Promise<Answer>): Promise<KeyedAnswer<Answer>> {
    return new KeyedAnswer(await work(), false);
  }
}

@Global()
@Module({
  providers: [
    { provide: Idempotency, useClass: IdempotencyInMemory },
    { provide: Audit, useClass: AuditInMemory },
    { provide: PassedEvents, useValue: { pass: () => Promise.resolve() } satisfies PassedEvents },
  ],
  exports: [Audit, Idempotency, PassedEvents],
})
class DatabaseModule {}

@Module({})
class PaymentsModule {}

const { list, show, replay, discard } = DeadLetterRpc.payments;
const olga = { actor: testActor({ subject: 'olga', roles: ['operator'], scopes: ['ops:read', 'ops:write'] }) };
const all = { after: 0, limit: 100 };

describe('the dead letters of a service', () => {
  let broker: TestBroker;
  let admin: NatsConnection;
  let service: BootedService;
  let gateway: TestCaller;

  /** Publishes a message that may be invalid, which requires all permissions. */
  async function publish(data: string, change: Readonly<Record<string, string>> = {}): Promise<string> {
    const id = uuidv7();
    const headers = newHeaders();
    const attributes = {
      'ce-specversion': '1.0',
      'ce-id': id,
      'ce-type': 'rookery.OrderConfirmed.v1',
      'ce-source': 'orders',
      'ce-subject': uuidv7(),
      'ce-time': '2026-01-01T00:00:00.000Z',
      'ce-sequence': '1',
      'x-correlation-id': 'correlation-1',
      'x-causation-id': 'cause-1',
      ...change,
    };
    Object.entries(attributes).forEach(([name, value]) => headers.set(name, value));
    await jetstream(admin).publish(OrderConfirmed.subject, data, { headers, msgID: id });
    return id;
  }
  const good = (): string => JSON.stringify({ orderId: uuidv7() });

  async function letters(count: number) {
    return eventually(async () => {
      const { items } = await gateway.call(list, all, olga);
      expect(items).toHaveLength(count);
      return items;
    });
  }
  async function onlyLetter() {
    const [letter] = await letters(1);
    if (letter === undefined) {
      throw new Error('there is no dead letter');
    }
    return letter;
  }

  beforeEach(async () => {
    effects.length = 0;
    audited.length = 0;
    broken = false;
    broker = await testBroker();
    admin = await broker.adminConnection();
    const { jwksSetting } = await internalKeys();
    service = await bootService({
      name: 'payments',
      config: { LOG_LEVEL: 'silent', HOST: '127.0.0.1', PORT: 0, SHUTDOWN_GRACE_SECONDS: 5 },
      module: {
        module: PaymentsModule,
        imports: [
          HealthModule,
          DatabaseModule,
          SecurityModule.forRpc({ service: 'payments', jwks: jwksSetting }),
          MessagingModule.forRoot(broker.loginOf('payments')),
          DeadLettersModule.forConsumer('payments', { retryDelaysMs: [10] }),
        ],
        controllers: [PaymentConsumer],
      },
      microservices: (app) => [new RpcServer(app.get(Nats)), app.get(JetStreamServer)],
    });
    configureLogger('payments', 'silent');
    gateway = await TestCaller.connect(broker);
  });
  afterEach(async () => {
    await service.stop();
    await broker.close();
  });

  it('lists dead letters with reason, attempts and original headers, and shows their data', async () => {
    const eventId = await publish('{"orderId":7,"sealedPaymentToken":"sealed"}', { authorization: 'Bearer abc' });
    const letter = await onlyLetter();
    expect(letter).toMatchObject({
      id: 'payments-1',
      consumer: 'payments',
      event: 'OrderConfirmed',
      type: 'rookery.OrderConfirmed.v1',
      eventId,
      reason: 'bad-schema',
      attempts: 0,
      originalSubject: OrderConfirmed.subject,
      originalStream: 'ORDERS',
      originalSequence: 1,
      correlationId: 'correlation-1',
      causationId: 'cause-1',
      headers: { 'ce-id': eventId, 'ce-source': 'orders', authorization: '[redacted]' },
    });
    const shown = await gateway.call(show, { id: letter.id }, olga);
    expect(shown).toMatchObject({ ...letter, encoding: 'json' });
    expect(shown.data).toEqual({ orderId: 7, sealedPaymentToken: '[redacted]' });
  });

  it('shows data other than JSON in base64, and withholds it when it may contain a secret', async () => {
    await publish('{"orderId":');
    await publish('{"sealedPaymentToken":"sealed"');
    await letters(2);
    const shown = await Promise.all(['payments-1', 'payments-2'].map((id) => gateway.call(show, { id }, olga)));
    expect(shown.map(({ encoding, data }) => [encoding, data])).toEqual([
      ['base64', Buffer.from('{"orderId":').toString('base64')],
      ['withheld', null],
    ]);
  });

  it('lists page by page, across deleted dead letters', async () => {
    for (let published = 0; published < 4; published += 1) {
      await publish('{');
    }
    await letters(4);
    await gateway.call(discard, { id: 'payments-2' }, olga);
    const { items } = await gateway.call(list, { after: 1, limit: 1 }, olga);
    expect(items.map(({ id }) => id)).toEqual(['payments-3']);
  });

  it('replays a dead letter with one effect after the fault is fixed, and deletes it', async () => {
    broken = true;
    const eventId = await publish(good());
    const { id, reason, attempts } = await onlyLetter();
    expect([reason, attempts]).toEqual(['attempts-exhausted', 2]);

    const early = await gateway.call(replay, { id }, olga);
    expect(early).toMatchObject({ id, outcome: 'failed', reason: 'internal' });
    await letters(1);
    expect(effects).toEqual([]);

    broken = false;
    expect(await gateway.call(replay, { id }, olga)).toEqual({ id, outcome: 'handled', reason: null });
    expect(effects).toEqual([eventId]);
    await letters(0);
    await expect(gateway.call(replay, { id }, olga)).rejects.toMatchObject({
      status: 404,
      code: 'dead-letters.not-found',
    });
    expect(effects).toEqual([eventId]);
  });

  it('replays without effect, and deletes the dead letter, when the event has taken effect in the meantime', async () => {
    broken = true;
    const eventId = await publish(good());
    const { id } = await onlyLetter();
    broken = false;
    effects.push(eventId);
    expect(await gateway.call(replay, { id }, olga)).toMatchObject({ outcome: 'handled' });
    expect(effects).toEqual([eventId]);
    await letters(0);
  });

  it('keeps a dead letter that is still unreadable', async () => {
    await publish(good(), { 'ce-type': 'rookery.OrderConfirmed.v99' });
    const { id } = await onlyLetter();
    await expect(gateway.call(replay, { id }, olga)).rejects.toMatchObject({
      status: 422,
      code: 'dead-letters.unreadable',
    });
    await letters(1);
  });

  it('discards a dead letter', async () => {
    await publish('{');
    const { id } = await onlyLetter();
    await gateway.call(discard, { id }, olga);
    await letters(0);
    expect(effects).toEqual([]);
  });

  it('audits replays and discards with actor, action and outcome', async () => {
    broken = true;
    await publish(good());
    const { id } = await onlyLetter();
    await gateway.call(replay, { id }, olga);
    await gateway.call(discard, { id }, olga);
    const act = { subject: 'olga', clientId: 'rookery-spec', target: id };
    expect(audited).toEqual([
      { ...act, action: 'replay-dead-letter', outcome: 'failed' },
      { ...act, action: 'discard-dead-letter', outcome: 'discarded' },
    ]);
  });

  it('rejects a caller without the scope', async () => {
    const reader = { actor: testActor({ scopes: ['ops:read'] }) };
    const customer = { actor: testActor() };
    await expect(gateway.call(list, all, customer)).rejects.toMatchObject({ status: 403 });
    await expect(gateway.call(replay, { id: 'payments-1' }, reader)).rejects.toMatchObject({ status: 403 });
    await expect(gateway.call(discard, { id: 'payments-1' }, reader)).rejects.toMatchObject({ status: 403 });
  });

  it('does not know the dead letters of another service', async () => {
    await publish('{');
    await letters(1);
    await expect(gateway.call(show, { id: 'orders-1' }, olga)).rejects.toMatchObject({ status: 404 });
  });

  it('counts dead letters by reason and shows the remaining number', async () => {
    await publish('{');
    await publish('{"orderId":7}');
    await letters(2);
    await gateway.call(discard, { id: 'payments-1' }, olga);
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).toContain('dead_letters_total{consumer="payments",reason="bad-json"} 1');
    expect(metrics).toContain('dead_letters_total{consumer="payments",reason="bad-schema"} 1');
    expect(metrics).toContain('dead_letters{consumer="payments"} 1');
  });
});
