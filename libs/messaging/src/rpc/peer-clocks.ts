import type { Service } from '@rookery/contracts';
import { secondsAheadOf } from '@rookery/platform';
import type { Subscription } from '@nats-io/nats-core';
import { mayAnswerTo } from '../broker/permissions';
import type { Nats } from '../broker/nats';
import { ReplyInbox } from './reply-inbox';

/** Longest wait for one of them: whoever hangs must not hold up a readiness probe. */
const ANSWER_WITHIN_MS = 500;
/** Of one alone nobody can tell whose clock is wrong. */
const FEWEST_PEERS = 2;

/** Where a service tells its wall clock, in milliseconds since the epoch. */
const clockSubject = (service: string): string => `rpc.${service}.clock`;

/** Tells the wall clock of this process to whoever may call it: for comparison only, nothing is decided by it. No token, so that a clock that is too wrong for tokens is seen too. */
export function tellClock(nats: Nats): Subscription {
  return nats.connection.subscribe(clockSubject(nats.service), {
    queue: nats.service,
    callback: (error, message) => {
      if (error === null && mayAnswerTo(nats.service, message.reply ?? '')) message.respond(String(Date.now()));
    },
  });
}

/**
 * Tells the seconds that the clock of this process is ahead of most of the services (behind: negative), one replica of each. Undefined when fewer than
 * two of them answer. For processes without a database, whose clock the others are compared with.
 */
export function secondsAheadOfMost(nats: Nats, services: readonly Service[]): () => Promise<number | undefined> {
  const inbox = new ReplyInbox(nats);
  const ask = async (service: Service): Promise<number> => {
    const answer = await inbox.request(clockSubject(service), '', { timeoutMs: ANSWER_WITHIN_MS });
    return Number(answer.string());
  };
  return async () => {
    const measured = await Promise.all(services.map((service) => secondsAheadOf(() => ask(service))));
    return agreed(measured.flatMap((seconds) => seconds ?? []));
  };
}

/** What a strict majority says at least, in one direction; 0 when there is none. So a minority with wrong clocks says nothing about this process. */
export function agreed(seconds: readonly number[]): number | undefined {
  if (seconds.length < FEWEST_PEERS) return undefined;
  const sorted = [...seconds].sort((a, b) => a - b);
  const majority = Math.floor(sorted.length / 2) + 1;
  const ahead = sorted[sorted.length - majority] ?? 0;
  const behind = sorted[majority - 1] ?? 0;
  return ahead > 0 ? ahead : Math.min(behind, 0);
}
