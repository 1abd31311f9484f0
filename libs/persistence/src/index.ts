export { AggregateRepository, type Change, StaleVersion, type UpdateOptions } from './aggregate-repository';
export { AggregateRoot, type RecordedEvent } from './aggregate-root';
export { bigintColumn } from './bigint-column';
export { connect } from './connect';
export { database, type DatabaseConfig } from './database';
export { dataSourceOptions, type DatabaseSettings, type PostgresOptions } from './data-source-options';
export { isDatabaseUnavailable, isUniqueViolation } from './database-errors';
export { EventTrail } from './event-trail';
export { GroupCommit, type GroupCommitOptions } from './group-commit';
export { Inbox, type InboxEvent } from './inbox';
export { IdempotencyStore } from './idempotency-store';
export {
  createIdempotencyKeys,
  createInbox,
  createInboxOrderIndex,
  createOpsAudit,
  createOutboxAndInbox,
  dropIdempotencyKeys,
  dropInbox,
  dropInboxOrderIndex,
  dropOpsAudit,
  dropOutboxAndInbox,
  migrate,
  runMigrations,
} from './migrations';
export { InboxMetrics } from './inbox.metrics';
export { Outbox } from './outbox';
export { OutboxMetrics } from './outbox.metrics'; // part:bench
export { OutboxRelay, type OutboxPublisher } from './outbox-relay';
export { PersistenceModule, type PersistenceOptions } from './persistence.module';
export { republish, republishConfig } from './republish';
export { RESERVED_CONNECTIONS } from './reserved-connections';
export { Retention } from './retention';
export { Searches } from './searches';
export { SharedStatement } from './shared-statement';
export { UnitOfWork } from './unit-of-work';
export { writeRowLater } from './write-later';
