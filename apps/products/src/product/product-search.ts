import type { EntityManager } from 'typeorm';
import type { Position } from '@rookery/platform';
import type { ListSql } from './list-sql';
import { COLUMNS, type ListedRow, WITH_ITS_STOCK } from './product.view';

/** Products at the start of the list that are looked at first. A search for what is in every fiftieth product or more ends here. */
const LOOKED_AT = 1_000;
/** Products with the character sequences of the text, at most: to sort so many takes about 10 ms. */
const CANDIDATES = 10_000;
/** Candidates in the order of the list whose text is compared. Nearly all of them match. */
const COMPARED = 500;
/** Character sequences that are looked up: all of a text with up to 18 characters. Each is a list of product ids to read. */
const LOOKED_UP = 16;

/** What a search has found at the start of its list. */
export interface Found {
  /** In the order of the list, as many as asked for at most. */
  readonly rows: readonly ListedRow[];
  /** Where it has stopped to look without having found as many; null at the end of the list. */
  readonly stoppedAt: Position | null;
}

interface SeenRow extends ListedRow {
  readonly matches: boolean;
  /** Its number among those that were looked at. */
  readonly place: number;
}

/** Without a product, all but the number is null. */
type CandidateRow = { readonly candidates: number } & (SeenRow | { readonly id: null });

/** `%`, `_` and the escape character are literal in a search. */
const containing = (text: string): string => `%${text.replace(/[\\%_]/g, '\\$&')}%`;

/**
 * Finds the first products of a list that contain a text, in at most two statements, each of which reads a limited number of rows whatever the
 * catalog contains and whatever is searched for (decision 42).
 */
export class ProductSearch {
  constructor(
    private readonly tx: EntityManager,
    private readonly list: ListSql,
    private readonly text: string,
    private readonly wanted: number,
  ) {}

  async first(): Promise<Found> {
    const begun = await this.look();
    return begun.stoppedAt === null ? begun : ((await this.amongCandidates()) ?? begun);
  }

  /** Looks at the first products of the list, in its order. */
  private async look(): Promise<Found> {
    const { key, conditions, orderBy } = this.list;
    const { values, bind } = this.parameters();
    const rows = await this.tx.query<SeenRow[]>(
      `SELECT ${COLUMNS}, p.sort_key::text AS sort_value, p.matches, p.place
       FROM (
         SELECT p.*, ${key} AS sort_key, ${matches(bind(containing(this.text)))} AS matches,
                row_number() OVER (ORDER BY ${orderBy(key)})::int AS place
         FROM products p WHERE ${conditions} ORDER BY ${orderBy(key)} LIMIT ${LOOKED_AT}
       ) AS p ${WITH_ITS_STOCK}
       WHERE p.matches OR p.place = ${LOOKED_AT}
       ORDER BY ${orderBy('p.sort_key')} LIMIT ${bind(this.wanted + 1)}`,
      values,
    );
    return this.foundAmong(rows, LOOKED_AT);
  }

  /** Looks at the products with the text's character sequences; undefined when there are too many to sort. */
  private async amongCandidates(): Promise<Found | undefined> {
    const { key, conditions, orderBy } = this.list;
    const { values, bind } = this.parameters();
    const rows = await this.tx.query<CandidateRow[]>(
      `WITH candidate AS MATERIALIZED (
         SELECT p.id, p.name, p.category, p.currency, p.price_minor, p.created_at, p.archived_at FROM products p
         WHERE p.archived_at IS NULL
           AND search_grams(p.name || E'\\n' || p.sku || E'\\n' || coalesce(p.description, '')) @> ${gramsOf(`${bind(this.text)}::text`)}
         LIMIT ${CANDIDATES + 1}
       ), counted AS (
         SELECT count(*)::int AS candidates FROM candidate
       ), sorted AS (
         SELECT p.id, p.category, p.currency, ${key} AS sort_key FROM candidate p
         WHERE (SELECT candidates FROM counted) <= ${CANDIDATES} AND ${conditions}
         ORDER BY ${orderBy(key)} LIMIT ${COMPARED}
       ), placed AS (
         SELECT p.id, p.sort_key, row_number() OVER (ORDER BY ${orderBy('p.sort_key')})::int AS place FROM sorted p
       )
       SELECT counted.candidates, found.* FROM counted LEFT JOIN LATERAL (
         SELECT compared.*, placed.sort_key::text AS sort_value, placed.place FROM placed CROSS JOIN LATERAL (
           SELECT ${COLUMNS}, ${matches(bind(containing(this.text)))} AS matches
           FROM products p ${WITH_ITS_STOCK} WHERE p.id = placed.id LIMIT 1
         ) AS compared
         WHERE compared.matches OR placed.place = ${COMPARED}
         ORDER BY placed.place LIMIT ${bind(this.wanted + 1)}
       ) AS found ON true`,
      values,
    );
    if (rows.some(({ candidates }) => candidates > CANDIDATES)) {
      return undefined;
    }
    return this.foundAmong(
      rows.filter((row) => row.id !== null),
      COMPARED,
    );
  }

  /** The values of the list, for a statement that appends its own. */
  private parameters(): { readonly values: unknown[]; readonly bind: (value: unknown) => string } {
    const values = [...this.list.values];
    return { values, bind: (value) => `$${values.push(value)}` };
  }

  private foundAmong(seen: readonly SeenRow[], most: number): Found {
    const rows = seen.filter(({ matches }) => matches).slice(0, this.wanted);
    const last = seen.find(({ place }) => place === most);
    const stopped = rows.length < this.wanted && last !== undefined;
    return { rows, stoppedAt: stopped ? { value: last.sort_value, id: last.id } : null };
  }
}

const matches = (pattern: string): string =>
  `(p.name ILIKE ${pattern} OR p.sku ILIKE ${pattern} OR p.description ILIKE ${pattern}) IS TRUE`;

/** Some of a text's longest sequences, evenly distributed: they are in the order of the text. */
const gramsOf = (text: string): string => `ARRAY(
  SELECT gram FROM unnest(search_grams(${text})) WITH ORDINALITY AS of_text (gram, place)
  WHERE length(gram) = least(3, length(lower(${text})))
    AND place % ((greatest(1, length(lower(${text})) - 2) + ${LOOKED_UP - 1}) / ${LOOKED_UP}) = 0)`;
