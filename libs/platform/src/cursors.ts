import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { InvalidCursor } from './errors/domain-error';

/** The end of a page: the last item's sort value at that time, and its id, which distinguishes equal values. */
export interface Position {
  /** The sort value as text, without U+0000; empty where the id alone gives the order. */
  readonly value: string;
  readonly id: string;
}

/** The parsed query of a list. */
export interface ListQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** The owner of the list, where each caller has its own list. */
export type Scope = string | null;

const MAC_BYTES = 16;
const SEPARATOR = '\u0000';
const NOT_BOUND: ReadonlySet<string> = new Set<keyof ListQuery>(['limit', 'cursor']);

/**
 * The cursors of one list. A cursor carries the position after which the next page starts, so it stays valid whatever happens to
 * the item there; and a MAC over that position, the caller's scope and the whole query but `limit` and `cursor`. A forged
 * cursor, one of another caller's list and one of another filter or sort are all refused, and a filter that is added to the
 * query is bound without a change here. The position is signed, not secret: it must be a value that the caller has seen.
 */
export class Cursors {
  private readonly key: Buffer;

  /**
   * `secret` is high-entropy and the same in every replica; `list` names the list, in the problem's code and as what separates
   * its key (HKDF, RFC 5869) from those of other lists.
   */
  constructor(
    secret: string,
    private readonly list: string,
  ) {
    this.key = Buffer.from(hkdfSync('sha256', secret, '', `rookery.cursor.v1.${list}`, 32));
  }

  /**
   * The position where the requested page starts; null at the beginning.
   * @throws {InvalidCursor} when the cursor was not issued for this query and scope
   */
  positionOf(query: ListQuery, scope: Scope = null): Position | null {
    if (query.cursor === undefined) {
      return null;
    }
    const bytes = Buffer.from(query.cursor, 'base64url');
    // Base64url has several spellings of the same bytes; only ours is accepted.
    const isOurs = bytes.length > MAC_BYTES && bytes.toString('base64url') === query.cursor;
    if (!isOurs) {
      throw new InvalidCursor(this.list);
    }
    const text = bytes.subarray(MAC_BYTES);
    if (!timingSafeEqual(bytes.subarray(0, MAC_BYTES), this.mac(text, query, scope))) {
      throw new InvalidCursor(this.list);
    }
    const [id = '', value = ''] = text.toString('utf8').split(SEPARATOR);
    return { id, value };
  }

  /** The page of `found`, which has one row more than requested when there is another page. */
  page<Row>(
    found: readonly Row[],
    query: ListQuery,
    positionAt: (row: Row) => Position,
    scope: Scope = null,
  ): { readonly rows: readonly Row[]; readonly nextCursor: string | null } {
    const rows = found.slice(0, query.limit);
    const last = rows.at(-1);
    const hasMore = found.length > query.limit && last !== undefined;
    return { rows, nextCursor: hasMore ? this.cursorAt(positionAt(last), query, scope) : null };
  }

  /** The cursor of a page that starts after a position, also one without an item of the list. */
  cursorAt({ value, id }: Position, query: ListQuery, scope: Scope = null): string {
    const text = Buffer.from(`${id}${SEPARATOR}${value}`, 'utf8');
    return Buffer.concat([this.mac(text, query, scope), text]).toString('base64url');
  }

  private mac(text: Buffer, query: ListQuery, scope: Scope): Buffer {
    const bound = Object.entries(query).filter(([name, value]) => !NOT_BOUND.has(name) && value !== undefined);
    return createHmac('sha256', this.key)
      .update(JSON.stringify([text.toString('base64url'), scope, bound.toSorted(byName)]))
      .digest()
      .subarray(0, MAC_BYTES);
  }
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1;
}
