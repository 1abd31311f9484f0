import { Inject, Injectable } from '@nestjs/common';
import type { EventEnvelope } from '@rookery/contracts';
import type { EntityManager } from 'typeorm';
import { InboxMetrics } from './inbox.metrics';
import { SERVICE_NAME } from './service-name';
import { UnitOfWork } from './unit-of-work';

/** What this service has already consumed: makes an event that is delivered several times take effect once. */
@Injectable()
export class Inbox {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    @Inject(SERVICE_NAME) private readonly consumer: string,
    private readonly metrics: InboxMetrics,
  ) {}

  /**
   * Runs the effect and notes the event's id in one transaction. Returns false, with no effect, when the event had been
   * noted; a parallel delivery waits for the first one's outcome. When the effect throws, nothing is noted.
   */
  async once(
    event: Pick<EventEnvelope, 'id' | 'aggregateId' | 'sequence'>,
    effect: (tx: EntityManager) => Promise<void>,
  ): Promise<boolean> {
    const taken = await this.unitOfWork.run(async (tx) => {
      const noted = await tx.query<unknown[]>(
        `INSERT INTO inbox (consumer, event_id, aggregate_id, sequence) VALUES ($1, $2, $3, $4)
         ON CONFLICT ON CONSTRAINT inbox_pk DO NOTHING RETURNING event_id`,
        [this.consumer, event.id, event.aggregateId, event.sequence],
      );
      if (noted.length === 0) return false;
      await effect(tx);
      return true;
    });
    if (!taken) this.metrics.duplicates.inc();
    return taken;
  }
}
