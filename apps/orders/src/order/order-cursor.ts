import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { OrderStatus } from '@rookery/contracts';
import { InvalidCursor } from './order.errors';

/** The list a cursor belongs to. */
export interface OrderFilter {
  /** Null: every customer's orders. */
  readonly customerId: string | null;
  readonly status: OrderStatus | null;
}

const ID_BYTES = 16;
const MAC_BYTES = 16;

/**
 * Cursors of order lists: the id of a page's last order and a MAC over it and the filter. A forged one, one of another
 * customer's list and one of another filter are refused alike. Ids are UUID v7, so their order is the order of creation.
 */
export class OrderCursors {
  private readonly key: Buffer;

  /** Every replica must have the same secret. */
  constructor(secret: string) {
    this.key = Buffer.from(hkdfSync('sha256', secret, '', 'rookery.orders.cursor', 32));
  }

  write(lastId: string, filter: OrderFilter): string {
    const id = Buffer.from(lastId.replaceAll('-', ''), 'hex');
    return Buffer.concat([id, this.mac(id, filter)]).toString('base64url');
  }

  /** The id that the page ended with; `InvalidCursor` when this list never gave that cursor. */
  read(cursor: string, filter: OrderFilter): string {
    const bytes = Buffer.from(cursor, 'base64url');
    if (bytes.length !== ID_BYTES + MAC_BYTES || bytes.toString('base64url') !== cursor) throw new InvalidCursor();
    const id = bytes.subarray(0, ID_BYTES);
    if (!timingSafeEqual(bytes.subarray(ID_BYTES), this.mac(id, filter))) throw new InvalidCursor();
    return id.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  private mac(id: Buffer, { customerId, status }: OrderFilter): Buffer {
    return createHmac('sha256', this.key)
      .update(id)
      .update(JSON.stringify([customerId, status]))
      .digest()
      .subarray(0, MAC_BYTES);
  }
}
