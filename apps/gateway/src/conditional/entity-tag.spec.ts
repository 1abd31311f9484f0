import { InvalidInput } from '@rookery/platform';
import { isNotModified, parseEntityTags } from './entity-tag';

describe('If-None-Match', () => {
  it.each([['"3.7"'], ['W/"3.7"'], ['"1.1", "3.7"'], ['"a,b" , W/"3.7"'], ['*'], [' "3.7" ']])(
    'is not modified for %s',
    (header) => {
      expect(isNotModified(header, '"3.7"')).toBe(true);
    },
  );

  it.each([[undefined], ['"3.8"'], ['"3"'], ['W/"3.70"'], ['"1.1","2.2"']])('is modified for %s', (header) => {
    expect(isNotModified(header, '"3.7"')).toBe(false);
  });

  it.each([['3.7'], ['"3.7'], ['w/"3.7"'], ['"a" "b"'], ['*, "a"'], [','], [''], ['"a\u0000"']])(
    'rejects %j as malformed',
    (header) => {
      expect(() => parseEntityTags('If-None-Match', header)).toThrow(InvalidInput);
    },
  );

  it('reads a long hostile list in linear time', () => {
    const started = performance.now();
    // In quadratic time this takes minutes.
    expect(() => parseEntityTags('If-Match', `"a"${' , '.repeat(100_000)}x`)).toThrow(InvalidInput);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
