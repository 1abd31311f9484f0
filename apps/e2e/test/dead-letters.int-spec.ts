import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { z } from 'zod';
import {
  DeadLetterDetail,
  DeadLetterPage,
  DeadLetterReplay,
  type DeadLetterView,
  type EventContract,
  OrderCanceled,
  PaymentCaptured,
} from '@rookery/contracts';
import { eventHeaders } from '@rookery/devkit/stack/planted-events';
import { brokerLogin, DeadLetterHeaders, deadLetterSubject } from '@rookery/messaging';
import { uuidv7 } from '@rookery/platform';
import { eventually } from '@rookery/testing';
import { problem, read, request } from '../src/client';
import { newCustomer, subjectOf } from '../src/customer';
import { Databases } from '../src/databases';
import { tokenOf } from '../src/tokens';

const Seeds = z.looseObject({ admin: z.string() });
const environment = z
  .object({ E2E_NATS_URL: z.url(), E2E_NATS_SEEDS: z.string().transform((text) => Seeds.parse(JSON.parse(text))) })
  .parse(process.env);

const PATH = '/v1/ops/dead-letters';
const databases = new Databases();
let admin: NatsConnection;
let olga: string;

beforeAll(async () => {
  [admin, olga] = await Promise.all([
    connect({
      servers: environment.E2E_NATS_URL,
      ...brokerLogin({ nkeySeed: environment.E2E_NATS_SEEDS.admin }),
    }),
    tokenOf('olga'),
  ]);
});
afterAll(async () => {
  await Promise.all([admin.close(), databases.close()]);
});

interface Injected {
  readonly id: string;
  readonly aggregateId: string;
}

/** Publishes a message of a contract under a subject, right but for what `data` and `headers` make of it. */
async function inject(
  contract: EventContract,
  data: string,
  { subject = contract.subject, id = uuidv7(), ...headers }: Readonly<Record<string, string>> = {},
): Promise<Injected> {
  const aggregateId = uuidv7();
  const given = eventHeaders(contract, {
    ...{ 'ce-id': id, 'ce-subject': aggregateId, 'x-correlation-id': 'dead-letters-spec' },
    ...headers,
  });
  await jetstream(admin).publish(subject, data, { headers: given });
  return { id, aggregateId };
}

async function letters(consumer: string): Promise<readonly DeadLetterView[]> {
  const found: DeadLetterView[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const query = `?consumer=${consumer}&limit=100${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const page: DeadLetterPage = read(DeadLetterPage, await request('GET', `${PATH}${query}`, { token: olga }));
    found.push(...page.items);
    cursor = page.nextCursor;
  }
  return found;
}

const letterOf = (consumer: string, eventId: string): Promise<DeadLetterView> =>
  eventually(async () => {
    const letter = (await letters(consumer)).find((candidate) => candidate.eventId === eventId);
    if (letter === undefined) {
      throw new Error(`there is no dead letter of ${eventId}`);
    }
    return letter;
  });

const auditOf = (service: 'orders' | 'payments', target: string) =>
  databases.rows(service, 'SELECT subject, action, outcome FROM ops_audit WHERE target = $1 ORDER BY begun_at', [
    target,
  ]);

describe.each([
  ['bad JSON', '{', {}, 'bad-json'],
  ['an unknown version', '{}', { 'ce-type': 'rookery.PaymentCaptured.v99' }, 'unknown-version'],
  ['a bad schema', '{"orderId":1}', {}, 'bad-schema'],
] as const)('an event with %s', (_what, data, headers, reason) => {
  let letter: DeadLetterView;

  beforeAll(async () => {
    const { id } = await inject(PaymentCaptured, data, headers);
    letter = await letterOf('orders', id);
  });

  it('is listed and shown with its reason and headers', async () => {
    expect(letter).toMatchObject({
      consumer: 'orders',
      event: 'PaymentCaptured',
      reason,
      attempts: 0,
      originalStream: 'PAYMENTS',
      originalSubject: PaymentCaptured.subject,
      correlationId: 'dead-letters-spec',
      headers: { 'ce-source': 'payments', ...headers },
    });
    const shown = read(DeadLetterDetail, await request('GET', `${PATH}/${letter.id}`, { token: olga }));
    const text = typeof shown.data === 'string' ? Buffer.from(shown.data, 'base64').toString() : shown.data;
    expect(shown.encoding === 'json' ? JSON.stringify(text) : text).toBe(data);
  });

  it('is refused to customers, who learn nothing of it', async () => {
    const { token } = await newCustomer();
    for (const [method, address] of [
      ['GET', PATH],
      ['GET', `${PATH}/${letter.id}`],
      ['POST', `${PATH}/${letter.id}/replays`],
      ['DELETE', `${PATH}/${letter.id}`],
    ] as const) {
      const answer = await request(method, address, { token });
      expect([method, address, answer.status]).toEqual([method, address, 403]);
      expect(answer.text).not.toContain(reason);
    }
  });

  it('stays when it is replayed, goes when it is discarded, and both are noted', async () => {
    const replay = await request('POST', `${PATH}/${letter.id}/replays`, { token: olga });
    expect(replay.status).toBe(422);
    expect(problem(replay).code).toBe('dead-letters.unreadable');
    expect((await request('GET', `${PATH}/${letter.id}`, { token: olga })).status).toBe(200);

    expect((await request('DELETE', `${PATH}/${letter.id}`, { token: olga })).status).toBe(204);
    expect((await request('GET', `${PATH}/${letter.id}`, { token: olga })).status).toBe(404);
    expect(await auditOf('orders', letter.id)).toEqual([
      { subject: subjectOf(olga), action: 'replay-dead-letter', outcome: 'dead-letters.unreadable' },
      { subject: subjectOf(olga), action: 'discard-dead-letter', outcome: 'discarded' },
    ]);
  });
});

it('replays a readable event once, however often it is asked to', async () => {
  const orderId = uuidv7();
  const id = uuidv7();
  const deadLetter = () =>
    inject(OrderCanceled, JSON.stringify({ orderId, reason: 'customer-request' }), {
      id,
      subject: deadLetterSubject('payments', OrderCanceled.subject),
      [DeadLetterHeaders.originalSubject]: OrderCanceled.subject,
      [DeadLetterHeaders.stream]: 'ORDERS',
      [DeadLetterHeaders.streamSequence]: '1',
      [DeadLetterHeaders.reason]: 'attempts-exhausted',
      [DeadLetterHeaders.attempts]: '14',
    });
  const replay = async (): Promise<DeadLetterReplay> => {
    await deadLetter();
    const { id: target } = await letterOf('payments', id);
    const answer = read(DeadLetterReplay, await request('POST', `${PATH}/${target}/replays`, { token: olga }));
    expect((await letters('payments')).filter(({ eventId }) => eventId === id)).toEqual([]);
    expect(await auditOf('payments', target)).toMatchObject([{ action: 'replay-dead-letter', outcome: 'handled' }]);
    return answer;
  };
  const payments = () =>
    databases.rows('payments', 'SELECT version, event_sequence, status FROM payments WHERE order_id = $1', [orderId]);

  expect(await payments()).toEqual([]);
  expect(await replay()).toMatchObject({ outcome: 'handled', reason: null });
  const after = await payments();
  expect(after).toHaveLength(1);
  expect(await replay()).toMatchObject({ outcome: 'handled', reason: null });
  expect(await payments()).toEqual(after);
  expect(await databases.count('payments', 'inbox WHERE event_id = $1', [id])).toBe(1);
});
