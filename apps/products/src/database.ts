import { database } from '@rookery/persistence';
import { CatalogueAndStock1763900000000 } from './migrations/1763900000000-catalogue-and-stock';
import { OpsAudit1764500000000 } from './migrations/1764500000000-ops-audit';
import { InboxOrder1764600000000 } from './migrations/1764600000000-inbox-order';
import { IdempotencyKeys1765200000000 } from './migrations/1765200000000-idempotency-keys';
import { NamesInOrder1796000000000 } from './migrations/1796000000000-names-in-order';
import { BoundedLists1797000000000 } from './migrations/1797000000000-bounded-lists';
import { Product } from './product/product.entity';
import { Reservation } from './reservation/reservation.entity';

/** The products database. Stock has no entity: its statements are conditional updates. */
export const productsDatabase = database({
  entities: [Product, Reservation],
  migrations: [
    CatalogueAndStock1763900000000,
    OpsAudit1764500000000,
    InboxOrder1764600000000,
    IdempotencyKeys1765200000000,
    NamesInOrder1796000000000,
    BoundedLists1797000000000,
  ],
});
