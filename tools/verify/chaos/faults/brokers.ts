import { setTimeout as sleep } from 'node:timers/promises';
import { eventProducers } from '@rookery/contracts';
import { runJob } from '@rookery/devkit/stack/app-process';
import type { Fault } from './fault';

/** Kills the broker, with and without its store. */
export const brokers: readonly Fault[] = [
  {
    name: 'broker-crash',
    what: 'kill -9 NATS five times, back at once',
    recoversWithinMs: 5_000,
    async run({ stack, random }) {
      for (let kills = 0; kills < 5; kills += 1) {
        await sleep(random.between(200, 1_500));
        await stack.killBroker();
        await stack.startBroker();
      }
      return { detail: 'store kept' };
    },
  },
  {
    name: 'broker-down',
    what: 'NATS away for 60 s',
    recoversWithinMs: 30_000,
    async run({ stack }) {
      await stack.killBroker();
      await sleep(60_000);
      await stack.startBroker();
      return { detail: 'store kept' };
    },
  },
  {
    name: 'store-lost',
    what: 'NATS back without anything it had stored; the outboxes publish everything again',
    recoversWithinMs: 60_000,
    async run({ stack, deadLettersLost }) {
      await stack.killBroker();
      await stack.startBroker({ emptied: true });
      deadLettersLost();
      const said = await Promise.all(
        eventProducers.map((producer) =>
          runJob(producer, 'jobs/republish.js', {
            DATABASE_URL: stack.databaseUrl(producer),
            REPUBLISH_SINCE: '1h',
          }),
        ),
      );
      const counts = said.map((text) => Number(/: (\d+) events since/.exec(text)?.[1]));
      return { detail: `${counts.reduce((sum, count) => sum + count, 0)} events published again` };
    },
  },
];
