import {
  JetStreamApiCodes,
  JetStreamApiError,
  jetstreamManager,
  type JetStreamManager,
  type StoredMsg,
} from '@nats-io/jetstream';
import {
  type DeadLetterConsumer,
  type DeadLetterDetail,
  type DeadLetterReplay,
  type DeadLetterView,
  partsOfDeadLetterId,
} from '@rookery/contracts';
import { type Audit, DomainError, NotFound, type Reading, ServiceUnavailable } from '@rookery/platform';
import { requireActor } from '@rookery/security';
import { deadLetterStreamOf } from '../broker/definitions';
import type { Nats } from '../broker/nats';
import { DeadLetterHeaders } from '../events/dead-letter';
import type { JetStreamServer } from '../events/jetstream-server';
import { headerOf } from '../message/message-context';
import { attemptsOf, deadLetterDetail, deadLetterView } from './dead-letter-view';

const ANSWER_TIMEOUT_MS = 3_000;

/** 404: handled, discarded or expired in the meantime, or it never existed. */
export class DeadLetterUnknown extends NotFound {
  constructor() {
    super('dead-letters.not-found', 'There is no such dead letter.');
  }
}

/** 422: the message cannot be read. After a deployment that can read it, a replay may succeed. */
export class DeadLetterUnreadable extends DomainError {
  constructor(reason: string) {
    super({
      status: 422,
      code: 'dead-letters.unreadable',
      title: 'Dead letter unreadable',
      detail: `The message still cannot be read (${reason}); the dead letter stays.`,
    });
  }
}

/** The dead letters of this service, for operators. Replays and discards are audited. All methods answer 503 while the broker is unreachable. */
export class DeadLetters {
  private readonly stream: string;

  constructor(
    private readonly consumer: DeadLetterConsumer,
    private readonly nats: Nats,
    private readonly server: JetStreamServer,
    private readonly audit: Audit,
  ) {
    this.stream = deadLetterStreamOf(consumer);
    this.showCount();
  }

  /** The dead letters after a stream position, oldest first. */
  async list(after: number, limit: number): Promise<DeadLetterView[]> {
    const manager = await this.manager();
    const views: DeadLetterView[] = [];
    for (let seq = after + 1; views.length < limit; seq += 1) {
      const query = { seq, next_by_subj: `dlq.${this.consumer}.>` };
      const letter = await answered(manager.streams.getMessage(this.stream, query));
      if (letter === null) {
        break;
      }
      views.push(deadLetterView(this.consumer, letter));
      ({ seq } = letter);
    }
    return views;
  }

  /**
   * One dead letter with its data.
   * @throws {DeadLetterUnknown}
   */
  async show(id: string): Promise<DeadLetterDetail> {
    return deadLetterDetail(this.consumer, await this.find(id));
  }

  /**
   * Handles the message again under the same event id, and deletes the dead letter when it was handled now or before.
   * @throws {DeadLetterUnknown}
   * @throws {DeadLetterUnreadable} the dead letter stays
   */
  replay(id: string): Promise<DeadLetterReplay> {
    return this.audited('replay-dead-letter', id, async () => {
      const letter = await this.find(id);
      const { header: headers, data } = letter;
      const replay = await this.server.replay({
        subject: headerOf(headers, DeadLetterHeaders.originalSubject) ?? '',
        stream: headerOf(headers, DeadLetterHeaders.stream) ?? '',
        headers,
        data,
        attempt: attemptsOf(letter) + 1,
      });
      switch (replay.outcome) {
        case 'unreadable':
          throw new DeadLetterUnreadable(replay.reason);
        case 'failed':
          return { id, outcome: replay.outcome, reason: replay.reason };
        case 'handled':
          await this.delete(letter);
          return { id, outcome: replay.outcome, reason: null };
      }
    });
  }

  /**
   * Deletes a dead letter without handling it.
   * @throws {DeadLetterUnknown}
   */
  async discard(id: string): Promise<void> {
    await this.audited('discard-dead-letter', id, async () => {
      await this.delete(await this.find(id));
      return { outcome: 'discarded' };
    });
  }

  private audited<T extends { readonly outcome: string }>(
    action: string,
    id: string,
    work: () => Promise<T>,
  ): Promise<T> {
    const { subject, clientId } = requireActor();
    return this.audit.around({ subject, clientId, action, target: id }, work);
  }

  private async find(id: string): Promise<StoredMsg> {
    const { consumer, position } = partsOfDeadLetterId(id);
    if (consumer !== this.consumer) {
      throw new DeadLetterUnknown();
    }
    const manager = await this.manager();
    const letter = await answered(manager.streams.getMessage(this.stream, { seq: position }));
    if (letter === null) {
      throw new DeadLetterUnknown();
    }
    return letter;
  }

  private async delete({ seq }: StoredMsg): Promise<void> {
    const manager = await this.manager();
    try {
      await answered(manager.streams.deleteMessage(this.stream, seq));
    } catch (error) {
      // When two operators delete it at once, the result is the same for both.
      if (await answered(manager.streams.getMessage(this.stream, { seq }))) {
        throw error;
      }
    }
  }

  private async manager(): Promise<JetStreamManager> {
    if (!this.nats.connected) {
      throw new ServiceUnavailable('The broker cannot be reached.');
    }
    // The client's check would read the account's statistics, which the user of a service may not.
    return jetstreamManager(this.nats.connection, { checkAPI: false, timeout: ANSWER_TIMEOUT_MS });
  }

  /** Adds the gauge of their number. Without a broker it keeps its last value, and the scrape still succeeds. */
  private showCount(): void {
    const { consumer } = this;
    const count = async (): Promise<Reading> => {
      const manager = await this.manager();
      const { state } = await manager.streams.info(this.stream);
      return [{ labels: { consumer }, value: state.messages }];
    };
    this.nats.metrics.gauge(
      'dead_letters',
      'Dead letters that wait for an operator; each instance of a service shows all of them',
      () => count().catch(() => undefined),
      ['consumer'],
    );
  }
}

/** Turns any failure other than a rejected request into 503: the dead letters are unavailable. */
async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code !== JetStreamApiCodes.StreamNotFound) {
      throw error;
    }
    throw new ServiceUnavailable('The dead letters cannot be reached now.', undefined, { cause: error });
  }
}
