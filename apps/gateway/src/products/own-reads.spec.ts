import { ProductsRpc } from '@rookery/contracts';
import { eventually } from '@rookery/testing';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { OwnReads } from './own-reads';
import { questionKey } from './question-key';

const bounds = { keepMs: 60_000 };

setFlagsFromString('--expose-gc');
const collectGarbage: unknown = runInNewContext('gc');
const heapUsed = (): number => {
  if (typeof collectGarbage === 'function') Reflect.apply(collectGarbage, undefined, []);
  return process.memoryUsage().heapUsed;
};

const holds = async (reads: OwnReads, key: string, names: readonly string[]): Promise<boolean> => {
  const { kept, marks } = await reads.look(key, names);
  return kept !== undefined && JSON.stringify(kept.marks) === JSON.stringify(marks);
};

const answer = (body: string) => ({ body, tag: '"1"' });

describe('OwnReads', () => {
  it('keeps an answer until one of its marks is set', async () => {
    const reads = new OwnReads(bounds);
    await (await reads.look('a', ['one', 'two'])).keep(answer('body'), 1);
    expect(await holds(reads, 'a', ['one', 'two'])).toBe(true);
    await reads.mark(['three']);
    expect(await holds(reads, 'a', ['one', 'two'])).toBe(true);
    await reads.mark(['two']);
    expect(await holds(reads, 'a', ['one', 'two'])).toBe(false);
  });

  it('never trusts an answer that was asked for before a mark was set and came after', async () => {
    const reads = new OwnReads(bounds);
    const before = await reads.look('a', ['one']);
    await reads.mark(['one']);
    await before.keep(answer('old'), 1);
    expect(await holds(reads, 'a', ['one'])).toBe(false);
  });

  it('holds no more bytes than it may: what nobody asked for goes first', async () => {
    const reads = new OwnReads({ ...bounds, maxBytes: 5_000 });
    for (const key of ['a', 'b']) await (await reads.look(key, [])).keep(answer('x'.repeat(500)), 1);
    await reads.look('a', []);
    await (await reads.look('c', [])).keep(answer('x'.repeat(1_000)), 1);
    const kept = await Promise.all(['a', 'b', 'c'].map((key) => holds(reads, key, [])));
    expect(kept).toEqual([true, false, true]);
  });

  it('holds no more answers than it may, however short they are', async () => {
    const reads = new OwnReads({ ...bounds, maxEntries: 3 });
    for (const key of ['a', 'b', 'c', 'd']) await (await reads.look(key, [])).keep(answer(''), 1);
    const kept = await Promise.all(['a', 'b', 'c', 'd'].map((key) => holds(reads, key, [])));
    expect(kept).toEqual([false, true, true, true]);
  });

  it('counts what an answer really costs: hundreds of thousands of empty pages stay within the bound', async () => {
    const maxBytes = 8 * 1024 * 1024;
    const reads = new OwnReads({ ...bounds, maxBytes });
    const page = JSON.stringify({ items: [], nextCursor: null });
    const before = heapUsed();
    for (let index = 0; index < 200_000; index += 1) {
      const lookup = await reads.look(questionKey(ProductsRpc.list, { q: String(index) }), ['one', 'two', 'three']);
      await lookup.keep({ body: Buffer.from(page).toString(), tag: `"${String(index).padStart(22)}"` }, index);
    }
    const grown = heapUsed() - before;
    // Something for what else happens meanwhile; without the bound it is a hundred.
    expect(grown).toBeLessThan(2 * maxBytes);
    expect(await holds(reads, questionKey(ProductsRpc.list, { q: '199999' }), ['one', 'two', 'three'])).toBe(true);
    expect(await holds(reads, questionKey(ProductsRpc.list, { q: '0' }), ['one', 'two', 'three'])).toBe(false);
  });

  it('forgets an answer after its time, also one that nobody asks for again', async () => {
    const reads = new OwnReads({ ...bounds, keepMs: 50 });
    await (await reads.look('a', [])).keep(answer('body'), 1);
    expect(reads.size).toBe(1);
    await eventually(async () => {
      await (await reads.look('b', [])).keep(answer('body'), 1);
      expect(reads.size).toBe(1);
    });
    expect(await holds(reads, 'a', [])).toBe(false);
  });

  it('trusts nothing that depends on a mark it had to forget', async () => {
    const reads = new OwnReads({ ...bounds, maxMarks: 2 });
    await (await reads.look('a', ['one'])).keep(answer('old'), 1);
    await reads.mark(['one']);
    await reads.mark(['two', 'three']);
    expect(await holds(reads, 'a', ['one'])).toBe(false);
  });
});
