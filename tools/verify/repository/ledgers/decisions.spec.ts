import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { faultsOfDecisions } from './decisions';

const folder = new URL('../../../../docs/decisions', import.meta.url).pathname;
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

describe('the decision records', () => {
  it('have a number, a date and a status each, and are listed with them', () => {
    const files = globSync('[0-9]*.md', { cwd: folder }).map((name) => ({ name, text: read(name) }));
    expect(files.length).toBeGreaterThan(30);
    expect(faultsOfDecisions(files, read('README.md'))).toEqual([]);
  });
});

describe('the check of the decision records', () => {
  const status = 'superseded by [2](0002-two.md)';
  const first = `# 1. One\n\nDate: 2026-11-25\nStatus: ${status}\n\nWhy.\n`;
  const second = '# 2. Two\n\nDate: 2026-11-30\nStatus: accepted\n\nWhy.\n';
  const table = [
    `| [1](0001-one.md) | One | 2026-11-25 | ${status} |`,
    '| [2](0002-two.md) | Two | 2026-11-30 | accepted |',
  ];
  const faults = (one: string, index = table.join('\n')): readonly string[] =>
    faultsOfDecisions(
      [
        { name: '0001-one.md', text: one },
        { name: '0002-two.md', text: second },
      ],
      index,
    );

  it('finds nothing wrong with records that are in order', () => {
    expect(faults(first)).toEqual([]);
  });

  it.each([
    ['no date', first.replace('Date: 2026-11-25\n', ''), 'does not begin with'],
    ['no status', first.replace(`Status: ${status}\n`, ''), 'does not begin with'],
    ['another number in its title', first.replace('# 1.', '# 3.'), 'its title says 3'],
    ['another date than the list', first.replace('11-25', '11-26'), 'README.md gives another number, date or status'],
    ['too many words', first.replace('Why.', 'why '.repeat(300)), 'words'],
    ['an unknown status', first.replace(status, 'maybe'), 'unknown status "maybe"'],
    ['a later record that is not there', first.replace('0002-two', '0002-2'), '0002-2.md, which does not exist'],
    ['a later record that is itself', first.replace('[2](0002-two.md)', '[1](0001-one.md)'), 'not that later record'],
  ])('finds a record with %s', (_what, text, fault) => {
    expect(faults(text)).toContainEqual(expect.stringContaining(fault));
  });

  it('finds a record that is not listed, a row without a record, and rows out of order', () => {
    expect(faults(first, table[1])).toEqual([
      '0001-one.md: is not listed in README.md',
      'README.md: the rows are not numbered 1, 2, 3 …',
    ]);
    expect(faults(first, [...table, '| [3](0003-three.md) | Three | 2026-11-30 | accepted |'].join('\n'))).toEqual([
      'README.md: 0003-three.md does not exist',
    ]);
  });
});
