import type { DataSource } from 'typeorm';
import { type Actor, contextFrom, firstUuidAt, logger, runInContext, timeOfUuid } from '@rookery/platform';
import type { OrderDeadline } from '../order/order-deadline';
import type { OpenDifferences } from './open-differences';
import type { Reconciler } from './reconciler';

const HOUR_MS = 3_600_000;
/** How far the first run reaches back. */
const FIRST_RUN_MS = 24 * HOUR_MS;
/** Advisory lock of the reconciling replica; locks are per database, thus per service. */
const LOCK = [0x6f726472, 1] as const;

/** No user requests the periodic run: the service acts for itself, with permission to read only. */
const self: Actor = { subject: 'orders', issuer: 'rookery', clientId: null, scopes: ['ops:read'], roles: [] };

interface Progress {
  /** Since the last success, by the database's clock. */
  readonly ageSeconds: number;
  /** Id up to which orders were compared. */
  readonly reached: string;
}

/** Compares, once per interval and in one replica at a time, the orders since the last run and those known to differ. */
export class PeriodicReconciliation {
  constructor(
    private readonly dataSource: DataSource,
    private readonly reconciler: Reconciler,
    private readonly open: OpenDifferences,
    private readonly options: { readonly intervalSeconds: number; readonly deadline: OrderDeadline },
  ) {}

  /** Does nothing while another replica reconciles, or before the interval since the last success has passed. Ends early on shutdown. */
  async run(stopping: AbortSignal): Promise<void> {
    const session = this.dataSource.createQueryRunner();
    try {
      const [lock] = await session.manager.query<{ taken: boolean }[]>('SELECT pg_try_advisory_lock($1, $2) AS taken', [
        ...LOCK,
      ]);
      if (lock?.taken !== true) {
        return;
      }
      try {
        const last = await this.progress();
        if (this.isDue(last)) {
          await runInContext({ ...contextFrom({}), actor: self }, () => this.reconcile(last, stopping));
        }
      } finally {
        await session.manager.query('SELECT pg_advisory_unlock($1, $2)', [...LOCK]);
      }
    } finally {
      await session.release();
    }
  }

  private isDue(last: Progress | null): boolean {
    return last === null || last.ageSeconds >= this.options.intervalSeconds;
  }

  private async reconcile(last: Progress | null, stopping: AbortSignal): Promise<void> {
    const horizon = await this.reconciler.horizon();
    const start = last === null ? await this.startOfFirst() : this.startAfter(last);
    let differences = (await this.reconciler.stock()).total;
    let orders = 0;
    const compare = async (after: string, upTo: string): Promise<void> => {
      for (let reached = after; reached < upTo && !stopping.aborted;) {
        const page = await this.reconciler.page(reached, upTo);
        reached = page.upTo;
        orders += page.orders;
        differences += page.differences.length;
      }
    };
    for (const orderId of await this.open.ordersUpTo(start)) {
      await compare(firstUuidAt(timeOfUuid(orderId)), orderId);
    }
    await compare(start, horizon);
    if (stopping.aborted) {
      return;
    }
    await this.complete(horizon);
    if (differences === 0) {
      logger.info({ orders }, 'reconciliation: all agree');
    } else {
      logger.error({ orders, differences }, 'reconciliation: the services differ');
    }
  }

  /** Starts before the end of the last run: orders that were in flight then have settled now. */
  private startAfter({ reached }: Progress): string {
    return firstUuidAt(new Date(timeOfUuid(reached).getTime() - this.options.deadline.seconds * 1_000 - HOUR_MS));
  }

  private async startOfFirst(): Promise<string> {
    const [row] = await this.dataSource.query<{ now: Date }[]>('SELECT now() AS now');
    return firstUuidAt(new Date((row?.now.getTime() ?? 0) - FIRST_RUN_MS));
  }

  private async progress(): Promise<Progress | null> {
    const [row] = await this.dataSource.query<Progress[]>(
      `SELECT extract(epoch FROM now() - completed_at)::float8 AS "ageSeconds", reached FROM reconciliation_progress`,
    );
    return row ?? null;
  }

  private async complete(reached: string): Promise<void> {
    await this.dataSource.query(
      `INSERT INTO reconciliation_progress (completed_at, reached) VALUES (now(), $1)
       ON CONFLICT ON CONSTRAINT reconciliation_progress_pk DO UPDATE
         SET completed_at = excluded.completed_at, reached = excluded.reached`,
      [reached],
    );
  }
}
