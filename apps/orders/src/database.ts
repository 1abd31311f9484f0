import { database } from '@rookery/persistence';
import { Orders1764000000000 } from './migrations/1764000000000-orders';
import { OpsAudit1764500000000 } from './migrations/1764500000000-ops-audit';
import { InboxOrder1764600000000 } from './migrations/1764600000000-inbox-order';
import { Reconciliation1764700000000 } from './migrations/1764700000000-reconciliation';
import { OrdersByStatus1797000000000 } from './migrations/1797000000000-orders-by-status';
import { Order } from './order/order.entity';
import { TimelineRow } from './order/timeline-row.entity';

/** The orders database. */
export const ordersDatabase = database({
  entities: [Order, TimelineRow],
  migrations: [
    Orders1764000000000,
    OpsAudit1764500000000,
    InboxOrder1764600000000,
    Reconciliation1764700000000,
    OrdersByStatus1797000000000,
  ],
});
