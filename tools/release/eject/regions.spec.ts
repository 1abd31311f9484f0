import { faultsOfRegions, partsMarkedIn, withoutRegions } from './regions';

const text = [
  'a',
  '// #region part:tea',
  'b',
  '// #region part:milk',
  'c',
  '// #endregion part:milk',
  '// #endregion part:tea',
  'd, // part:milk',
  '# part:tea is no mark here',
  'e # part:tea+milk',
  'f <!-- part:milk -->',
].join('\n');
const without = (...gone: readonly string[]): readonly string[] =>
  withoutRegions(text, (part) => gone.includes(part))
    .split('\n')
    .filter((line) => !line.includes('region'));

describe('lines that are marked as a part', () => {
  it('go with it, and nothing else does', () => {
    expect(without('milk')).toEqual(['a', 'b', '# part:tea is no mark here', 'e # part:tea+milk']);
    expect(without('tea')).toEqual([
      'a',
      'd, // part:milk',
      '# part:tea is no mark here',
      'e # part:tea+milk',
      'f <!-- part:milk -->',
    ]);
  });

  it('of several parts stay until the last one goes', () => {
    expect(without('tea', 'milk')).toEqual(['a', '# part:tea is no mark here']);
  });

  it('are listed by their parts', () => {
    expect(partsMarkedIn(text)).toEqual(['tea', 'milk']);
    expect(faultsOfRegions(text, ['tea', 'milk'])).toEqual([]);
  });

  it.each([
    ['a // part:beer', 'there is no part "beer"'],
    ['// #region part:tea\na', '#region part:tea does not end'],
    ['a\n// #endregion part:tea', '#endregion part:tea without its #region'],
  ])('are wrong: %j', (wrong, fault) => {
    expect(faultsOfRegions(wrong, ['tea'])).toEqual([fault]);
  });
});
