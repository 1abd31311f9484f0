import { OwnReads } from './own-reads';

const holds = async (reads: OwnReads, key: string, names: readonly string[]): Promise<boolean> => {
  const { kept, marks } = await reads.look(key, names);
  return kept !== undefined && JSON.stringify(kept.marks) === JSON.stringify(marks);
};

const answer = (body: string) => ({ body, tag: '"1"' });

describe('OwnReads', () => {
  it('keeps an answer until one of its marks is set', async () => {
    const reads = new OwnReads();
    await (await reads.look('a', ['one', 'two'])).keep(answer('body'), 1);
    expect(await holds(reads, 'a', ['one', 'two'])).toBe(true);
    await reads.mark(['three']);
    expect(await holds(reads, 'a', ['one', 'two'])).toBe(true);
    await reads.mark(['two']);
    expect(await holds(reads, 'a', ['one', 'two'])).toBe(false);
  });

  it('never trusts an answer that was asked for before a mark was set and came after', async () => {
    const reads = new OwnReads();
    const before = await reads.look('a', ['one']);
    await reads.mark(['one']);
    await before.keep(answer('old'), 1);
    expect(await holds(reads, 'a', ['one'])).toBe(false);
  });

  it('holds no more characters than it may: what nobody asked for goes first', async () => {
    const reads = new OwnReads({ maxCharacters: 30 });
    for (const key of ['a', 'b']) await (await reads.look(key, [])).keep(answer('123456789'), 1);
    await reads.look('a', []);
    await (await reads.look('c', [])).keep(answer('12345678901234'), 1);
    const kept = await Promise.all(['a', 'b', 'c'].map((key) => holds(reads, key, [])));
    expect(kept).toEqual([true, false, true]);
  });

  it('trusts nothing that depends on a mark it had to forget', async () => {
    const reads = new OwnReads({ maxMarks: 2 });
    await (await reads.look('a', ['one'])).keep(answer('old'), 1);
    await reads.mark(['one']);
    await reads.mark(['two', 'three']);
    expect(await holds(reads, 'a', ['one'])).toBe(false);
  });
});
