import { DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { z } from 'zod';
import { type DataOf, type EventContract, Headers, type Service } from '@rookery/contracts';
import { type EventPublisher, streamOf } from '@rookery/messaging';
import { newTraceparent, uuidv7 } from '@rookery/platform';
import { eventually, type EventuallyOptions } from './eventually';
import type { TestBroker } from './test-broker';

/** Envelope of a published event; every field has a default. */
export interface EventOptions {
  /** The aggregate's id: events of one aggregate are handled in order. */
  readonly aggregateId?: string;
  readonly sequence?: number;
  /** Use one id twice to publish an event twice; the stream drops a duplicate within two minutes. */
  readonly id?: string;
  readonly correlationId?: string;
  readonly causationId?: string | null;
  readonly time?: Date;
}

const publishers = new WeakMap<TestBroker, Map<Service, Promise<EventPublisher>>>();

/** Publishes an event like its producer. Returns its id once the stream has stored it. */
export async function publishEvent<Contract extends EventContract>(
  broker: TestBroker,
  contract: Contract,
  data: DataOf<Contract>,
  options: EventOptions = {},
): Promise<string> {
  const { id = uuidv7(), aggregateId = uuidv7(), sequence = 1, correlationId = uuidv7() } = options;
  const { causationId = null, time = new Date() } = options;
  const publisher = await publisherOf(broker, contract.producer);
  await publisher.publish({
    id,
    name: contract.name,
    version: contract.version,
    source: contract.producer,
    subject: contract.subject,
    aggregateId,
    sequence,
    time: time.toISOString(),
    correlationId,
    causationId,
    traceparent: newTraceparent(),
    data: JSON.stringify(contract.data.parse(data)),
  });
  return id;
}

function publisherOf(broker: TestBroker, producer: Service): Promise<EventPublisher> {
  const ofBroker = publishers.get(broker) ?? new Map<Service, Promise<EventPublisher>>();
  publishers.set(broker, ofBroker);
  const publisher = ofBroker.get(producer) ?? broker.publisher(producer);
  ofBroker.set(producer, publisher);
  return publisher;
}

/** One event in a stream. */
export interface RecordedMessage {
  readonly id: string;
  readonly subject: string;
  readonly aggregateId: string;
  readonly sequence: number;
  readonly correlationId: string;
  readonly causationId: string;
  /** JSON. */
  readonly data: unknown;
}

/** All events in one producer's stream, past and future. */
export class EventRecorder {
  readonly messages: RecordedMessage[] = [];

  /** Data of the events of a contract, oldest first, optionally of one aggregate. */
  of<Data extends z.ZodType>(contract: EventContract<Data>, aggregateId?: string): readonly z.output<Data>[] {
    return this.messages
      .filter(({ subject }) => subject === contract.subject)
      .filter((message) => aggregateId === undefined || message.aggregateId === aggregateId)
      .map(({ data }) => contract.data.parse(data));
  }

  /** Waits for such an event and returns its data. */
  async next<Data extends z.ZodType>(
    contract: EventContract<Data>,
    aggregateId: string,
    options?: EventuallyOptions,
  ): Promise<z.output<Data>> {
    return eventually(() => {
      const [data] = this.of(contract, aggregateId);
      if (data === undefined) {
        throw new Error(`there is no ${contract.name} of ${aggregateId}`);
      }
      return data;
    }, options);
  }
}

/** Records all past and future events of a producer until the broker is closed. */
export async function recordEvents(broker: TestBroker, producer: Service): Promise<EventRecorder> {
  const recorder = new EventRecorder();
  const admin = await broker.adminConnection();
  const stream = streamOf(producer);
  const manager = await jetstreamManager(admin);
  const { name } = await manager.consumers.add(stream, { deliver_policy: DeliverPolicy.All, mem_storage: true });
  const consumer = await jetstream(admin).consumers.get(stream, name);
  await consumer.consume({
    callback: ({ subject, headers, data }) => {
      const header = (key: string): string => headers?.get(key) ?? '';
      recorder.messages.push({
        id: header('ce-id'),
        subject,
        aggregateId: header('ce-subject'),
        sequence: Number(header('ce-sequence')),
        correlationId: header(Headers.correlationId),
        causationId: header(Headers.causationId),
        data: JSON.parse(new TextDecoder().decode(data)),
      });
    },
  });
  return recorder;
}
