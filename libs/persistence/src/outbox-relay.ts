import { setTimeout as delay } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { sessionUrlOf } from './data-source-options';
import { reasonOf } from './database-errors';
import { Outbox } from './outbox';
import { OutboxMetrics } from './outbox.metrics';
import { type OutboxMessage, type PendingMessage, RelaySession } from './relay-session';
import { Retention } from './retention';

/** Where the relay puts events: resolves once the broker has stored the message, rejects when it may not have. */
export interface OutboxPublisher {
  publish(message: OutboxMessage): Promise<void>;
}

const BATCH_SIZE = 500;
/** Aggregates whose events are on their way at the same time. */
const PARALLEL_AGGREGATES = 100;
/** How soon events of another process, and the lock that another one gave up, are noticed at the latest. */
const POLL_MS = 500;
const BACKOFF_MS = { first: 100, last: 5_000 } as const;
const PRUNE_EVERY_MS = 3_600_000;
const PRUNE_BATCH = 1_000;

/**
 * Publishes what the outbox holds, at least once, and the events of one aggregate in order. Of all processes of a service one
 * is active at a time (a session-level advisory lock); when it dies, loses its connection or stalls, another takes over.
 * A broker or database that is down is waited for, for ever. A crash between publishing and marking publishes again with
 * the same id, which the stream and the inboxes drop.
 */
@Injectable()
export class OutboxRelay implements BeforeApplicationShutdown {
  private readonly logger = new Logger(OutboxRelay.name);
  private running: Promise<void> | undefined;
  private stopping = new AbortController();
  private waking = new AbortController();
  private session: RelaySession | undefined;
  private failures = 0;
  private nextPruneAt = 0;

  constructor(
    private readonly dataSource: DataSource,
    private readonly outbox: Outbox,
    private readonly metrics: OutboxMetrics,
  ) {}

  /** Begins to publish. Returns at once; a second call changes nothing. */
  start(publisher: OutboxPublisher): void {
    if (this.running) return;
    this.stopping = new AbortController();
    this.metrics.show();
    const stopListening = this.outbox.onAppended(() => this.wake());
    this.running = this.work(publisher).finally(stopListening);
  }

  /** Says that there is something to publish; calls while a batch is on its way become one. */
  wake(): void {
    this.waking.abort();
  }

  /** Finishes the messages on their way, leaves the rest of the batch to the next process and gives up the lock. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake();
    await this.running;
    this.running = undefined;
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.stop();
  }

  private async work(publisher: OutboxPublisher): Promise<void> {
    while (!this.stopping.signal.aborted) {
      this.waking = new AbortController();
      try {
        const session = await this.livingSession();
        const full = (await session.tryToLead()) && (await this.publishBatch(session, publisher));
        if (session.leading) await this.pruneWhenDue(session);
        this.succeeded();
        if (!full) await pause(POLL_MS, this.waking.signal);
      } catch (error) {
        await this.failed(error);
      }
    }
    await this.closeSession();
  }

  private async livingSession(): Promise<RelaySession> {
    if (this.session?.alive) return this.session;
    this.session = await RelaySession.connect(sessionUrlOf(this.dataSource));
    return this.session;
  }

  /** Returns whether the batch was full, so that there may be more. Throws when a message could not be published. */
  private async publishBatch(session: RelaySession, publisher: OutboxPublisher): Promise<boolean> {
    const batch = await session.unpublished(BATCH_SIZE);
    if (batch.length === 0) return false;
    const aggregates = Map.groupBy(batch, ({ message }) => message.aggregateId).values();
    const published: string[] = [];
    const failures: unknown[] = [];
    const lane = async (): Promise<void> => {
      // The iterator is shared: each lane takes the next aggregate when it is done with one.
      for (const messages of aggregates) {
        try {
          for await (const position of this.publishInOrder(messages, session, publisher)) published.push(position);
        } catch (error) {
          failures.push(error);
        }
      }
    };
    await Promise.all(Array.from({ length: PARALLEL_AGGREGATES }, lane));
    if (published.length > 0) {
      await session.markPublished(published);
      this.metrics.published(published.length);
    }
    if (failures.length > 0) throw failures[0];
    return batch.length === BATCH_SIZE;
  }

  /** Yields the position of each message once it is stored. Ends at the first failure, as a later event must not overtake, and at a stop. */
  private async *publishInOrder(
    messages: readonly PendingMessage[],
    session: RelaySession,
    publisher: OutboxPublisher,
  ): AsyncGenerator<string> {
    for (const { position, message } of messages) {
      if (this.stopping.signal.aborted) return;
      if (!session.leading) throw new Error('the database connection that holds the relay lock was lost');
      await this.metrics.attempt(() => publisher.publish(message));
      yield position;
    }
  }

  private async pruneWhenDue(session: RelaySession): Promise<void> {
    if (performance.now() < this.nextPruneAt) return;
    const more = await session.prune(Retention.publishedHours, Retention.notedHours, PRUNE_BATCH);
    if (!more) this.nextPruneAt = performance.now() + PRUNE_EVERY_MS;
  }

  private succeeded(): void {
    if (this.failures > 0) this.logger.log(`the outbox is published again after ${this.failures} failures`);
    this.failures = 0;
  }

  /** Logs the first failure only, and waits: twice as long after each, with jitter. */
  private async failed(error: unknown): Promise<void> {
    if (this.failures === 0) {
      this.logger.warn(`the outbox cannot be published, trying on: ${reasonOf(error)}`);
    }
    const backoff = Math.min(BACKOFF_MS.first * 2 ** this.failures, BACKOFF_MS.last);
    this.failures += 1;
    // Only stop() ends this wait: under load, wake() would defeat the back-off.
    await pause(backoff * (0.5 + Math.random() / 2), this.stopping.signal);
  }

  private async closeSession(): Promise<void> {
    const { session } = this;
    this.session = undefined;
    await session?.close().catch(() => undefined);
  }
}

/** Waits for so long, or until the signal. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
