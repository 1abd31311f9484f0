import { jetstream } from '@nats-io/jetstream';
import { headers as newHeaders, type MsgHdrs } from '@nats-io/nats-core';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Headers,
  OrderCreated,
  PaymentReserved,
  StockReserved,
  type Caller,
  type EventContract,
  type Service,
} from '@rookery/contracts';
import { uuidv7 } from '@rookery/platform';
import { asAdmin, messagesOf, publishAgain, streamsOf } from './broker-reader';
import type { ChaosStack } from './chaos-stack';
import type { Random } from './random';

/** A message that nobody can ever handle, and who is given it. */
export interface Poison {
  readonly id: string;
  readonly consumers: readonly Service[];
}

/** What a fault works with. */
export interface FaultContext {
  readonly stack: ChaosStack;
  readonly random: Random;
  /** Told of each poison that went into a stream: the dead letters must be exactly these. */
  readonly poisoned: (poison: Poison) => void;
}

/** One way to break the system and to mend it again; answers what it did, for the report. */
export interface Fault {
  readonly name: string;
  readonly what: string;
  run(context: FaultContext): Promise<string>;
}

const APPS: readonly [Caller, ...Caller[]] = ['orders', 'payments', 'products', 'gateway'];
const OWNERS: readonly [Service, ...Service[]] = ['orders', 'payments', 'products'];
const READY_WITHIN_MS = 10_000;

/** A criterion of a fault that did not hold. */
export class FaultCriterionBroken extends Error {}

async function crash({ stack }: FaultContext, app: Caller): Promise<string> {
  const readyMs = await stack.crash(app);
  if (readyMs > READY_WITHIN_MS) throw new FaultCriterionBroken(`${app} was ready again only after ${readyMs} ms`);
  return `${app}, ready again after ${readyMs} ms`;
}

export const faults: readonly Fault[] = [
  {
    name: 'service-crash',
    what: 'kill -9 one service',
    run: (context) => crash(context, context.random.pick(APPS)),
  },
  {
    name: 'payments-away',
    what: 'payments killed and away for 45 s: longer than an order waits',
    async run({ stack }) {
      await stack.crash('payments', 45_000);
      return 'back';
    },
  },
  {
    name: 'broker-crash',
    what: 'kill -9 NATS, back at once',
    async run({ stack }) {
      await stack.killBroker();
      await stack.startBroker();
      return 'store kept';
    },
  },
  {
    name: 'broker-down',
    what: 'NATS away for 5-10 s',
    async run({ stack, random }) {
      const ms = random.between(5_000, 10_000);
      await stack.killBroker();
      await sleep(ms);
      await stack.startBroker();
      return `for ${ms} ms`;
    },
  },
  {
    name: 'database-crash',
    what: 'kill Postgres of one service, away for 1-6 s',
    async run({ stack, random }) {
      const service = random.pick(OWNERS);
      const ms = random.between(1_000, 6_000);
      await stack.killDatabase(service);
      await sleep(ms);
      await stack.startDatabase(service);
      return `${service}, for ${ms} ms`;
    },
  },
  {
    name: 'database-partition',
    what: 'no packet between a service and its database for 10-12 s',
    async run({ stack, random }) {
      const service = random.pick(OWNERS);
      const ms = random.between(10_000, 12_000);
      stack.databaseLink(service).silence();
      await sleep(ms);
      stack.databaseLink(service).heal();
      return `${service}, for ${ms} ms`;
    },
  },
  {
    name: 'broker-partition',
    what: 'no packet between a service and NATS for 10-12 s',
    async run({ stack, random }) {
      const app = random.pick(APPS);
      const ms = random.between(10_000, 12_000);
      stack.brokerLink(app).silence();
      await sleep(ms);
      stack.brokerLink(app).heal();
      return `${app}, for ${ms} ms`;
    },
  },
  {
    name: 'connection-reset',
    what: 'every connection of a service to its database and NATS reset',
    async run({ stack, random }) {
      const service = random.pick(OWNERS);
      for (const link of [stack.databaseLink(service), stack.brokerLink(service)]) {
        await link.cut();
        await link.mend();
      }
      return service;
    },
  },
  {
    name: 'slow-network',
    what: '+250 ms each way on every link for 5 s',
    async run({ stack }) {
      for (const link of stack.links) link.slow(250);
      await sleep(5_000);
      for (const link of stack.links) link.slow(0);
      return 'all links';
    },
  },
  {
    name: 'stall',
    what: 'SIGSTOP one service for 12-14 s: past its leases and the broker’s ack wait',
    async run({ stack, random }) {
      const service = random.pick(OWNERS);
      const ms = random.between(12_000, 14_000);
      const { pid } = stack.app(service);
      if (pid === undefined) throw new Error(`${service} does not run`);
      process.kill(pid, 'SIGSTOP');
      await sleep(ms);
      process.kill(pid, 'SIGCONT');
      return `${service}, for ${ms} ms`;
    },
  },
  {
    name: 'redelivery',
    what: 'up to 200 past events of every stream delivered twice more, shuffled',
    async run({ stack, random }) {
      return asAdmin(stack, async (admin) => {
        let count = 0;
        for (const { name, dead } of await streamsOf(admin)) {
          if (dead) continue;
          const events = (await messagesOf(admin, name))
            .slice(-200)
            .filter(({ headers }) => headers?.has('ce-id') === true);
          for (const message of random.shuffled([...events, ...events])) {
            await publishAgain(admin, message);
            count += 1;
          }
        }
        return `${count} deliveries`;
      });
    },
  },
  {
    name: 'poison',
    what: 'bad JSON, an unknown version and a bad schema in every stream',
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
      return `${POISONED.length * POISON.length} messages`;
    },
  },
];

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

function headersOf({ name, producer }: EventContract, id: string, version: number): MsgHdrs {
  const headers = newHeaders();
  headers.set('ce-specversion', '1.0');
  headers.set('ce-id', id);
  headers.set('ce-type', `rookery.${name}.v${version}`);
  headers.set('ce-source', producer);
  headers.set('ce-subject', uuidv7());
  headers.set('ce-time', new Date().toISOString());
  headers.set('ce-sequence', '1');
  headers.set(Headers.correlationId, id);
  return headers;
}
