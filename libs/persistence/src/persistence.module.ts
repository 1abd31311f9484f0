import {
  type DynamicModule,
  Inject,
  type InjectionToken,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { APP_INTERCEPTOR, ModuleRef } from '@nestjs/core';
import { DataSource } from 'typeorm';
import {
  Audit,
  ClockSkew,
  HealthChecks,
  Idempotency,
  Metrics,
  PassedEvents,
  PlatformModule,
  secondsAheadOf,
} from '@rookery/platform';
import { AuditTrail } from './audit-trail';
import { connectMigrated } from './connect';
import type { PostgresOptions } from './data-source-options';
import { DatabaseErrorInterceptor } from './database-error.interceptor';
import { DatabaseHealth } from './database.health';
import { EventTrail } from './event-trail';
import { IdempotencyStore } from './idempotency-store';
import { Inbox } from './inbox';
import { InboxMetrics } from './inbox.metrics';
import { Outbox } from './outbox';
import { type OutboxPublisher, OutboxRelay } from './outbox-relay';
import { OutboxMetrics } from './outbox.metrics';
import { ReservedConnections } from './reserved-connections';
import { Searches } from './searches';
import { SERVICE_NAME } from './service-name';
import { UnitOfWork } from './unit-of-work';

/** Options of `PersistenceModule`. */
export interface PersistenceOptions {
  /** Created by `database`. */
  readonly options: PostgresOptions;
  /** Name of the service. Its inbox records it as the consumer. */
  readonly service: string;
  /** The global provider to which the relay publishes once the application has started. Without it the relay waits for `start(publisher)`. */
  readonly publisher?: InjectionToken<OutboxPublisher>;
}

/** Injection token of the publisher's token. */
const PUBLISHER = Symbol('rookery.persistence.publisher');

/**
 * Connects to the service's migrated database. It provides globally: DataSource, UnitOfWork, Outbox, Inbox, IdempotencyStore, OutboxRelay, EventTrail,
 * Searches, Audit and PassedEvents. It adds the readiness checks `database` and `clock` and the metrics of outbox and inbox. While the database is unavailable, every handler answers 503. The pool closes at the end of the shutdown.
 */
@Module({})
export class PersistenceModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly dataSource: DataSource,
    private readonly modules: ModuleRef,
    private readonly relay: OutboxRelay,
    @Inject(PUBLISHER) private readonly publisher: InjectionToken<OutboxPublisher> | null,
    checks: HealthChecks,
    health: DatabaseHealth,
    metrics: Metrics,
  ) {
    checks.add(health);
    const ahead = () => secondsAheadOf(() => databaseClock(dataSource));
    checks.add(new ClockSkew(ahead, 'the clock of its database', metrics));
  }

  static forRoot({ options, service, publisher }: PersistenceOptions): DynamicModule {
    return {
      module: PersistenceModule,
      global: true,
      imports: [PlatformModule],
      providers: [
        { provide: DataSource, useFactory: () => connectMigrated(options) },
        { provide: ReservedConnections, useFactory: () => new ReservedConnections(options) },
        { provide: SERVICE_NAME, useValue: service },
        { provide: PUBLISHER, useValue: publisher ?? null },
        { provide: APP_INTERCEPTOR, useClass: DatabaseErrorInterceptor },
        UnitOfWork,
        Outbox,
        Inbox,
        IdempotencyStore,
        { provide: Idempotency, useExisting: IdempotencyStore },
        OutboxRelay,
        EventTrail,
        Searches,
        { provide: Audit, useClass: AuditTrail },
        { provide: PassedEvents, useExisting: Inbox },
        DatabaseHealth,
        OutboxMetrics,
        InboxMetrics,
      ],
      exports: [
        DataSource,
        UnitOfWork,
        Outbox,
        Inbox,
        IdempotencyStore,
        Idempotency,
        OutboxRelay,
        EventTrail,
        Searches,
        Audit,
        PassedEvents,
      ],
    };
  }

  onApplicationBootstrap(): void {
    if (this.publisher === null) {
      return;
    }
    this.relay.start(this.modules.get<OutboxPublisher>(this.publisher, { strict: false }));
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.dataSource.isInitialized) {
      await this.dataSource.destroy();
    }
  }
}

/** Milliseconds since the epoch. */
async function databaseClock(dataSource: DataSource): Promise<number> {
  const sql = 'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms';
  const [row] = await dataSource.query<{ ms: number }[]>(sql);
  return row?.ms ?? NaN;
}
