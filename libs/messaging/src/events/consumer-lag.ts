import { type ConsumerInfo, jetstreamManager } from '@nats-io/jetstream';
import type { Reading } from '@rookery/platform';
import type { ConsumerDefinition } from '../broker/definitions';
import type { Nats } from '../broker/nats';

const TIMEOUT_MS = 1_000;

/**
 * Adds gauges of the backlog in each consumed stream to `/metrics`. Each scrape asks the broker, so every replica shows the same values. Without
 * an answer the gauges keep their last values.
 */
export function showConsumerLag(nats: Nats, definitions: readonly ConsumerDefinition[]): void {
  let reading: Promise<readonly ConsumerInfo[]> | undefined;
  const read = (): Promise<readonly ConsumerInfo[]> =>
    (reading ??= askBroker(nats, definitions).finally(() => (reading = undefined)));
  const gauge = (name: string, help: string, valueOf: (consumer: ConsumerInfo) => number): void => {
    const values = async (): Promise<Reading> =>
      (await read()).map((consumer) => ({ labels: { stream: consumer.stream_name }, value: valueOf(consumer) }));
    nats.metrics.gauge(name, help, values, ['stream']);
  };
  gauge('event_consumer_waiting_events', 'Events of the stream that were not delivered yet', (it) => it.num_pending);
  gauge('event_consumer_in_hand_events', 'Events delivered and not finished, at most 256', (it) => it.num_ack_pending);
}

async function askBroker(nats: Nats, definitions: readonly ConsumerDefinition[]): Promise<readonly ConsumerInfo[]> {
  if (!nats.connected) {
    return [];
  }
  try {
    const manager = await jetstreamManager(nats.connection, { checkAPI: false, timeout: TIMEOUT_MS });
    return await Promise.all(definitions.map(({ stream, durable }) => manager.consumers.info(stream, durable)));
  } catch {
    return [];
  }
}
