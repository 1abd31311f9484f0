import { SharedLimit } from './shared-limit';

const enterOften = (limit: SharedLimit, kind: string): number => {
  let entered = 0;
  while (entered < 1_000 && limit.enter(kind)) entered += 1;
  return entered;
};

describe('SharedLimit', () => {
  it('leaves room for others, whichever kinds hold all that they can get', () => {
    const limit = new SharedLimit(256);
    expect(['first', 'second', 'third', 'fourth'].map((kind) => enterOften(limit, kind))).toEqual([128, 64, 32, 16]);
    expect(limit.taken).toBe(240);
    expect(limit.enter('fifth')).toBe(true);
  });

  it('gives places again that were left', () => {
    const limit = new SharedLimit(4);
    expect(enterOften(limit, 'first')).toBe(2);
    limit.leave('first');
    expect(limit.enter('first')).toBe(true);
    expect(limit.enter('first')).toBe(false);
  });

  it('counts what took a place that was not there', () => {
    const limit = new SharedLimit(2);
    expect(enterOften(limit, 'first')).toBe(1);
    limit.take('first');
    expect(limit.taken).toBe(2);
    expect(limit.enter('second')).toBe(false);
    limit.leave('first');
    limit.leave('first');
    expect(limit.enter('second')).toBe(true);
  });
});
