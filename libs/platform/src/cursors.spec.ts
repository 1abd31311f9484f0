import fc from 'fast-check';
import { Cursors, type ListQuery, type Position } from './cursors';
import { InvalidCursor } from './errors/domain-error';

const SECRET = 'a secret that all replicas have';
const cursors = new Cursors(SECRET, 'nests');
const last: Position = { value: 'Ähre', id: '01890000-0000-7000-8000-00000000000a' };

/** The cursor of a page that ended at a position. */
function cursorAt(position: Position, query: ListQuery & Record<string, unknown>, scope: string | null = null): string {
  const { nextCursor } = cursors.page([position, position], { ...query, limit: 1 }, (row) => row, scope);
  if (nextCursor === null) {
    throw new Error('there is a next page');
  }
  return nextCursor;
}

/** The same text for queries that differ only in the order of their fields. */
function inOrder(query: Record<string, unknown>): string {
  return JSON.stringify(Object.entries(query).sort(([one], [other]) => (one < other ? -1 : 1)));
}

describe('a cursor', () => {
  it('brings back where the page ended', () => {
    const text = fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\u0000'));
    fc.assert(
      fc.property(text, fc.uuid(), (value, id) => {
        const query = { limit: 1, sort: 'name' };
        expect(cursors.positionOf({ ...query, cursor: cursorAt({ value, id }, query) })).toEqual({ value, id });
      }),
    );
  });

  it('is not needed for the first page', () => {
    expect(cursors.positionOf({ limit: 20 })).toBeNull();
  });

  it('is given only when there is more than the page', () => {
    const page = (found: readonly Position[]) => cursors.page(found, { limit: 1 }, (row) => row);
    expect(page([])).toEqual({ rows: [], nextCursor: null });
    expect(page([last])).toEqual({ rows: [last], nextCursor: null });
    expect(page([last, last])).toEqual({ rows: [last], nextCursor: cursorAt(last, { limit: 1 }) });
  });

  it('goes with another page size, and with a query whose fields come in another order', () => {
    const cursor = cursorAt(last, { limit: 1, sort: 'name', q: 'owl', brand: undefined });
    const query = { q: 'owl', sort: 'name', limit: 100, cursor };
    expect(cursors.positionOf(query)).toEqual(last);
  });

  it('is bound to every field of the query, also to one that nobody has thought of yet', () => {
    const name = fc.string().filter((text) => !['limit', 'cursor', '__proto__'].includes(text));
    fc.assert(
      fc.property(fc.dictionary(name, fc.jsonValue()), fc.dictionary(name, fc.jsonValue()), (asked, other) => {
        fc.pre(inOrder(asked) !== inOrder(other));
        const cursor = cursorAt(last, { ...asked, limit: 1 });
        expect(cursors.positionOf({ ...asked, limit: 1, cursor })).toEqual(last);
        expect(() => cursors.positionOf({ ...other, limit: 1, cursor })).toThrow(InvalidCursor);
      }),
    );
  });

  it('is refused in the list of another caller', () => {
    const cursor = cursorAt(last, { limit: 1 }, 'alice');
    expect(cursors.positionOf({ limit: 1, cursor }, 'alice')).toEqual(last);
    for (const scope of ['bob', '', null]) {
      expect(() => cursors.positionOf({ limit: 1, cursor }, scope)).toThrow(InvalidCursor);
    }
  });

  it('is refused by another list and under another secret', () => {
    const cursor = cursorAt(last, { limit: 1 });
    for (const other of [new Cursors(SECRET, 'eggs'), new Cursors('another secret', 'nests')]) {
      expect(() => other.positionOf({ limit: 1, cursor })).toThrow(InvalidCursor);
    }
  });

  it.each(['', 'a', 'AAAA', 'A'.repeat(22), 'A'.repeat(43), 'A'.repeat(2_560), last.id, '__proto__', "'OR'1"])(
    'is refused when it is forged: %j',
    (cursor) => {
      expect(() => cursors.positionOf({ limit: 1, cursor })).toThrow(InvalidCursor);
    },
  );

  it('is refused when any bit of it is changed, and in any other spelling', () => {
    const cursor = cursorAt(last, { limit: 1 });
    const bytes = Buffer.from(cursor, 'base64url');
    for (const [index] of bytes.entries()) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
      const forged = changed.toString('base64url');
      expect(() => cursors.positionOf({ limit: 1, cursor: forged })).toThrow(InvalidCursor);
    }
    for (const spelling of [`${cursor}=`, `${cursor}A`, ` ${cursor}`]) {
      expect(() => cursors.positionOf({ limit: 1, cursor: spelling })).toThrow(InvalidCursor);
    }
  });

  it('says of which list it is none', () => {
    expect(new InvalidCursor('nests').toProblem()).toMatchObject({
      status: 400,
      code: 'nests.invalid-cursor',
      errors: [{ pointer: '#/query/cursor' }],
    });
  });
});
