import { InvalidInput } from '@rookery/platform';
import { expectedVersions, PreconditionRequired } from './preconditions';

describe('If-Match', () => {
  it.each([
    ['"7"', [7]],
    ['"7.120"', [7]],
    ['"7.120", "8"', [7, 8]],
    ['*', null],
  ])('accepts the versions of %s', (header, versions) => {
    expect(expectedVersions(header)).toEqual(versions);
  });

  it.each([['W/"7"'], ['"abc"'], ['"0"'], ['"-1"'], ['"99999999999999999999"'], ['""']])(
    'matches no version for %s, which is well-formed but weak or foreign',
    (header) => {
      expect(expectedVersions(header)).toEqual([]);
    },
  );

  it('requires the header', () => {
    expect(() => expectedVersions(undefined)).toThrow(PreconditionRequired);
  });

  it.each([['7'], ['"7'], ['']])('rejects %j as malformed', (header) => {
    expect(() => expectedVersions(header)).toThrow(InvalidInput);
  });

  it('rejects more tags than the service accepts', () => {
    expect(() => expectedVersions(Array.from({ length: 17 }, (_, index) => `"${index + 1}"`).join(','))).toThrow(
      InvalidInput,
    );
  });
});
