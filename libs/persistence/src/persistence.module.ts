import { type DynamicModule, Module, type OnApplicationShutdown } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { Audit, HealthChecks, PassedEvents, PlatformModule } from '@rookery/platform';
import { DataSource } from 'typeorm';
import { AuditTrail } from './audit-trail';
import { connectMigrated } from './connect';
import type { PostgresOptions } from './data-source-options';
import { DatabaseErrorInterceptor } from './database-error.interceptor';
import { DatabaseHealth } from './database.health';
import { EventTrail } from './event-trail';
import { Inbox } from './inbox';
import { InboxMetrics } from './inbox.metrics';
import { Outbox } from './outbox';
import { OutboxMetrics } from './outbox.metrics';
import { OutboxRelay } from './outbox-relay';
import { ReservedConnections } from './reserved-connections';
import { SERVICE_NAME } from './service-name';
import { UnitOfWork } from './unit-of-work';

/** What a service says about its persistence. */
export interface PersistenceOptions {
  /** From `dataSourceOptions`. */
  readonly options: PostgresOptions;
  /** Name of the service: the consumer that its inbox notes. */
  readonly service: string;
}

/**
 * Connects to the service's migrated database and provides, globally, DataSource, UnitOfWork, Outbox, Inbox, OutboxRelay, EventTrail,
 * Audit and PassedEvents. Adds the
 * readiness check `database` and the metrics of outbox and inbox. The relay waits for `start(publisher)`. A database that cannot work now
 * answers 503, whatever the handler. Closes the pool at the end of the shutdown.
 */
@Module({})
export class PersistenceModule implements OnApplicationShutdown {
  constructor(
    private readonly dataSource: DataSource,
    checks: HealthChecks,
    health: DatabaseHealth,
  ) {
    checks.add(health);
  }

  static forRoot({ options, service }: PersistenceOptions): DynamicModule {
    return {
      module: PersistenceModule,
      global: true,
      imports: [PlatformModule],
      providers: [
        { provide: DataSource, useFactory: () => connectMigrated(options) },
        { provide: ReservedConnections, useFactory: () => new ReservedConnections(options) },
        { provide: SERVICE_NAME, useValue: service },
        { provide: APP_INTERCEPTOR, useClass: DatabaseErrorInterceptor },
        UnitOfWork,
        Outbox,
        Inbox,
        OutboxRelay,
        EventTrail,
        { provide: Audit, useClass: AuditTrail },
        { provide: PassedEvents, useExisting: Inbox },
        DatabaseHealth,
        OutboxMetrics,
        InboxMetrics,
      ],
      exports: [DataSource, UnitOfWork, Outbox, Inbox, OutboxRelay, EventTrail, Audit, PassedEvents],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
  }
}
