import type { Subscription } from '@nats-io/nats-core';
import type { Service } from '@rookery/contracts';
import { secondsAheadOf } from '@rookery/platform';
import type { Nats } from '../broker/nats';
import { mayReplyTo } from '../broker/permissions';
import { ReplyInbox } from './reply-inbox';

/** Longest wait for one peer: a peer that hangs must not delay the readiness probe. */
const ANSWER_WITHIN_MS = 500;
/** With a single peer, it is unknown which of the two clocks is wrong. */
const MIN_PEERS = 2;

/** Subject on which a service reports its wall clock, in milliseconds since the epoch. */
const clockSubject = (service: string): string => `rpc.${service}.clock`;

/**
 * Reports the wall clock of this process to its callers. They only compare it; no decision depends on it. It needs no token, so that a clock
 * too wrong for tokens is detected too.
 */
export function serveClock(nats: Nats): Subscription {
  return nats.connection.subscribe(clockSubject(nats.service), {
    queue: nats.service,
    callback: (error, message) => {
      if (error === null && mayReplyTo(nats.service, message.reply ?? '')) {
        message.respond(String(Date.now()));
      }
    },
  });
}

/**
 * Measures by how many seconds the clock of this process is ahead of most services (negative: behind), asking one replica of each. It is for
 * processes without a database; the others compare their clock with their database's.
 * @returns a measurement; undefined when fewer than two services answer
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

/** The difference that a strict majority agrees on in one direction; 0 without such a majority. A minority with wrong clocks has no influence. */
export function agreed(seconds: readonly number[]): number | undefined {
  if (seconds.length < MIN_PEERS) {
    return undefined;
  }
  const sorted = [...seconds].sort((a, b) => a - b);
  const majority = Math.floor(sorted.length / 2) + 1;
  const ahead = sorted[sorted.length - majority] ?? 0;
  const behind = sorted[majority - 1] ?? 0;
  return ahead > 0 ? ahead : Math.min(behind, 0);
}
