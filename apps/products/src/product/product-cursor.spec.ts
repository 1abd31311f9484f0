import fc from 'fast-check';
import { decodeCursor, encodeCursor, type ProductListing } from './product-cursor';
import { InvalidCursor } from './product.errors';

const listing: ProductListing = { sort: 'name', q: 'owl', category: 'birds' };
const id = '01890a5d-ac96-774b-bcce-b302099a8057';

describe('the cursor of a product list', () => {
  it('brings back the product it was made from', () => {
    fc.assert(
      fc.property(fc.uuid(), (productId) => {
        expect(decodeCursor(encodeCursor(productId, listing), listing)).toBe(productId);
      }),
    );
  });

  it.each<[string, ProductListing]>([
    ['another sort', { ...listing, sort: '-name' }],
    ['another search', { ...listing, q: 'nest' }],
    ['another category', { ...listing, category: undefined }],
    ['search and category swapped', { sort: 'name', q: 'birds', category: 'owl' }],
  ])('refuses a cursor from %s', (_, other) => {
    expect(() => decodeCursor(encodeCursor(id, other), listing)).toThrow(InvalidCursor);
  });

  it('refuses a cursor with any one character changed', () => {
    const cursor = encodeCursor(id, listing);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    fc.assert(
      fc.property(fc.nat(cursor.length - 1), fc.nat(alphabet.length - 1), (position, index) => {
        const character = alphabet.charAt(index);
        fc.pre(cursor[position] !== character);
        const forged = cursor.slice(0, position) + character + cursor.slice(position + 1);
        // Another id under the same binding is a position like any other: the list then finds no such product.
        const outcome = attempt(forged);
        expect(outcome === 'refused' || outcome !== id).toBe(true);
      }),
    );
  });

  it.each(['', 'A', 'not-a-cursor', 'A'.repeat(38), 'A'.repeat(512)])('refuses %j', (forged) => {
    expect(() => decodeCursor(forged, listing)).toThrow(InvalidCursor);
  });
});

function attempt(cursor: string): string {
  try {
    return decodeCursor(cursor, listing);
  } catch (error) {
    if (error instanceof InvalidCursor) return 'refused';
    throw error;
  }
}
