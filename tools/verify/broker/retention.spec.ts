import { eventProducers } from '@rookery/contracts';
import { streamDefinitions, streamOf } from '@rookery/messaging';
import { Retention } from '@rookery/persistence';

const HOUR_MS = 3_600_000;
const eventStreams = eventProducers.map(streamOf);
const streams = streamDefinitions.filter(({ name }) => eventStreams.includes(name));

describe('how long events are kept', () => {
  it.each(streams)(
    'notes an event for longer than $name can deliver it, also when it is published again last of all',
    ({ maxAgeMs }) => {
      expect(Retention.inboxHours * HOUR_MS).toBeGreaterThan(maxAgeMs);
      expect(Retention.inboxHours * HOUR_MS).toBeGreaterThanOrEqual(maxAgeMs + Retention.publishedHours * HOUR_MS);
    },
  );

  it.each(streams)('keeps an event in $name for longer than it can be published again', ({ maxAgeMs }) => {
    expect(maxAgeMs).toBeGreaterThan(Retention.publishedHours * HOUR_MS);
  });
});
