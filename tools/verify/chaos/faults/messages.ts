import { jetstream } from '@nats-io/jetstream';
import type { MsgHdrs } from '@nats-io/nats-core';
import {
  type EventContract,
  Headers,
  OrderCreated,
  PaymentReserved,
  type Service,
  StockReserved,
} from '@rookery/contracts';
import { asAdmin, messagesOf, streamsOf } from '@rookery/devkit/stack/broker-reader';
import { eventHeaders } from '@rookery/devkit/stack/planted-events';
import { uuidv7 } from '@rookery/platform';
import { publishAgain } from '../broker';
import type { Fault } from './fault';

/** One event per stream, and the services that handle it. */
const POISONED: readonly { readonly contract: EventContract; readonly consumers: readonly Service[] }[] = [
  { contract: OrderCreated, consumers: ['payments', 'products'] },
  { contract: PaymentReserved, consumers: ['orders', 'products'] },
  { contract: StockReserved, consumers: ['orders'] },
];
const POISON = [
  { version: 1, text: '{' },
  { version: 99, text: '{}' },
  { version: 1, text: '{"orderId":1}' },
] as const;

const headersOf = (contract: EventContract, id: string, version: number): MsgHdrs =>
  eventHeaders({ ...contract, version }, { 'ce-id': id, [Headers.correlationId]: id });

/** Puts into the streams what producers never would. */
export const messages: readonly Fault[] = [
  {
    name: 'redelivery',
    what: 'up to 200 past events of every stream delivered twice more, shuffled',
    recoversWithinMs: 30_000,
    async run({ stack, random }) {
      return asAdmin(stack, async (admin) => {
        let count = 0;
        let missed = false;
        for (const { name, dead } of await streamsOf(admin)) {
          if (dead) {
            continue;
          }
          const events = (await messagesOf(admin, name))
            .slice(-200)
            .filter(({ headers }) => headers?.has('ce-id') === true);
          // Early in a run nothing has come to payments yet, and what comes again would show nothing.
          missed ||= events.length === 0;
          for (const message of random.shuffled([...events, ...events])) {
            await publishAgain(admin, message);
            count += 1;
          }
        }
        return { detail: `${count} deliveries`, ...(missed && { missed }) };
      });
    },
  },
  {
    name: 'poison',
    what: 'bad JSON, an unknown version and a bad schema in every stream',
    recoversWithinMs: 10_000,
    async run({ stack, poisoned }) {
      await asAdmin(stack, async (admin) => {
        for (const target of POISONED) {
          for (const { version, text } of POISON) {
            const id = uuidv7();
            await jetstream(admin).publish(target.contract.subject, text, {
              headers: headersOf(target.contract, id, version),
            });
            poisoned({ id, consumers: target.consumers });
          }
        }
      });
      return { detail: `${POISONED.length * POISON.length} messages` };
    },
  },
];
