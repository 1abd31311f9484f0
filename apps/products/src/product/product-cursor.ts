import { createHash } from 'node:crypto';
import type { ProductSort } from '@rookery/contracts';
import { InvalidCursor } from './product.errors';

/** What a page depends on besides its position. A cursor is bound to it. */
export interface ProductListing {
  readonly q?: string | undefined;
  readonly category?: string | undefined;
  readonly sort: ProductSort;
}

const ID_BYTES = 16;
const BINDING_BYTES = 12;

const bindingOf = ({ q, category, sort }: ProductListing): Buffer =>
  createHash('sha256')
    .update(JSON.stringify([sort, q ?? null, category ?? null]))
    .digest()
    .subarray(0, BINDING_BYTES);

/**
 * The position after a product: its id, bound to sort and filter. The sort value is not in it, because a name of 200
 * characters would make the cursor longer than a URL should be; the list reads it from the product's row.
 */
export function encodeCursor(lastId: string, listing: ProductListing): string {
  return Buffer.concat([Buffer.from(lastId.replaceAll('-', ''), 'hex'), bindingOf(listing)]).toString('base64url');
}

/** The id a cursor stands for; whatever this list did not make is refused. */
export function decodeCursor(cursor: string, listing: ProductListing): string {
  const bytes = Buffer.from(cursor, 'base64url');
  const isOurs =
    bytes.length === ID_BYTES + BINDING_BYTES &&
    // Base64url has several spellings of the same bytes; only ours is accepted.
    bytes.toString('base64url') === cursor &&
    bytes.subarray(ID_BYTES).equals(bindingOf(listing));
  if (!isOurs) throw new InvalidCursor();
  return bytes.toString('hex', 0, ID_BYTES).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
