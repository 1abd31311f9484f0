import { type Dead, mendPage } from './pages';

const dead: Dead = {
  path: (path) => /^(?:docs\/gone\.md|tools\/gone)/.test(path),
  anchor: (path, anchor) => path === 'docs/page.md' && anchor === 'gone',
  subject: (text) => /npm run gone|Gone/.test(text),
  uncalled: (text) => text.replaceAll('npm run gone', 'gone'),
};
const mended = (text: string, record = false): string =>
  mendPage(`# Title\n\n${text}\n`, { path: 'docs/page.md', dead, record }).slice(9);

describe('a page of a workspace that lost a part', () => {
  it.each([
    ['a sentence with a link', 'One. See [it](gone.md). Two.', 'One. Two.\n'],
    ['a sentence with a path', 'One. `tools/gone/a.ts` does it. Two.', 'One. Two.\n'],
    ['a sentence with a command', 'One. Run `npm run gone`. Two.', 'One. Two.\n'],
    ['a sentence about it', 'One. Gone is good. Two.', 'One. Two.\n'],
    ['a reference in brackets', 'One ([why](gone.md)). Two.', 'One. Two.\n'],
    ['a link to a heading', 'One. See [it](#gone) above. Two.', 'One. Two.\n'],
    ['a list item that begins with it', '- [it](gone.md): all of it.\n- two', '- two\n'],
    ['a sentence of a list item', '- One. See [it](gone.md).\n- two', '- One.\n- two\n'],
    ['a list item that is called like a file beside the page', '- `gone.md`: a page\n- two', '- two\n'],
    ['a row', '| a | b |\n| - | - |\n| [it](gone.md) | x |\n| c | d |', '| a | b |\n| - | - |\n| c | d |\n'],
    [
      'one of several links of a row',
      '| a | b |\n| - | - |\n| c | [it](gone.md), [d](d.md) |',
      '| a | b |\n| - | - |\n| c |[d](d.md) |\n',
    ],
    [
      'a row that says nothing else',
      '| a | b |\n| - | - |\n| c | Gone is good. |\n| d | e |',
      '| a | b |\n| - | - |\n| d | e |\n',
    ],
    ['a table without rows', 'One.\n\n| a |\n| - |\n| [it](gone.md) |', 'One.\n'],
    ['a line of a shell', '```sh\nnpm run gone\nnpm test\n```', '```sh\nnpm test\n```\n'],
    [
      'a section that is about it',
      'One.\n\n## Gone\n\nTwo.\n\n### More\n\nThree.\n\n## Four\n\nFive.',
      'One.\n\n## Four\n\nFive.\n',
    ],
    ['a heading without anything below', 'One.\n\n## Two\n\nSee [it](gone.md).', 'One.\n'],
  ])('loses %s', (_what, text, rest) => {
    expect(mended(text)).toBe(rest);
  });

  it('keeps everything else as it is, down to the line breaks', () => {
    const text = 'One sentence,\nof two lines.  See [here](here.md).\n\n\n* a list';
    expect(mended(text)).toBe(`${text}\n`);
  });

  it('keeps the sentences of a record, with words in place of links, paths and commands', () => {
    expect(mended('See [how](gone.md), `tools/gone/a.ts` and `npm run gone`: Gone is good.', true)).toBe(
      'See how, `a.ts` and `gone`: Gone is good.\n',
    );
  });
});
