import { OrderCursors } from './order-cursor';
import { InvalidCursor } from './order.errors';

const cursors = new OrderCursors('a secret of the service');
const id = '01890000-0000-7000-8000-00000000000a';
const filter = { customerId: 'alice', status: null } as const;

describe('a cursor of orders', () => {
  it('leads back to the order it was made of', () => {
    expect(cursors.read(cursors.write(id, filter), filter)).toBe(id);
  });

  it('is refused for another customer’s list and for another status', () => {
    const cursor = cursors.write(id, filter);
    expect(() => cursors.read(cursor, { ...filter, customerId: 'bob' })).toThrow(InvalidCursor);
    expect(() => cursors.read(cursor, { ...filter, customerId: null })).toThrow(InvalidCursor);
    expect(() => cursors.read(cursor, { ...filter, status: 'Pending' })).toThrow(InvalidCursor);
  });

  it('is refused when it was made with another secret', () => {
    expect(() => new OrderCursors('another secret').read(cursors.write(id, filter), filter)).toThrow(InvalidCursor);
  });

  it.each(['', 'a', 'AAAA', 'A'.repeat(43), 'A'.repeat(512), id, '__proto__', "'OR'1"])(
    'is refused when it is forged: %j',
    (forged) => {
      expect(() => cursors.read(forged, filter)).toThrow(InvalidCursor);
    },
  );

  it('is refused when a single bit of it is changed', () => {
    const bytes = Buffer.from(cursors.write(id, filter), 'base64url');
    for (const [index] of bytes.entries()) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
      expect(() => cursors.read(changed.toString('base64url'), filter)).toThrow(InvalidCursor);
    }
  });
});
