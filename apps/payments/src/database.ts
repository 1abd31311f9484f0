import { database } from '@rookery/persistence';
import { Payments1763900000000 } from './migrations/1763900000000-payments';
import { OpsAudit1764500000000 } from './migrations/1764500000000-ops-audit';
import { InboxOrder1764600000000 } from './migrations/1764600000000-inbox-order';
import { IdempotencyKeys1765200000000 } from './migrations/1765200000000-idempotency-keys';
import { Payment } from './payment/payment.entity';

/** The payments database. The simulated provider's ledger has a schema of its own in it. */
export const paymentsDatabase = database({
  entities: [Payment],
  migrations: [Payments1763900000000, OpsAudit1764500000000, InboxOrder1764600000000, IdempotencyKeys1765200000000],
});
