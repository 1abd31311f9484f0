import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '@rookery/devkit/stack/repository';
import { faultsOfComments, faultsOfPage, faultsOfProgram, sentenceLengths, sentencesOf } from './english';

const EXCLUDED = new Set(['node_modules', 'dist', '.data', '.git', '.nx', 'coverage', 'tmp']);
const pages = globSync(['**/*.md', '.github/**/*.md'], {
  cwd: repository,
  exclude: (path) => path.split('/').some((part) => EXCLUDED.has(part)),
  // Recorded results are written by commands.
}).filter((path) => !/^docs\/results\/\d{4}-/.test(path));
const sources = globSync(['**/*.{ts,mjs,sh,yml,yaml,tf}', '.github/**/*.yml', '**/Dockerfile'], {
  cwd: repository,
  exclude: (path) => path.split('/').some((part) => EXCLUDED.has(part)),
}).filter((path) => !/banned-phrases\.ts$|english\.spec\.ts$|^docs\/ledgers\//.test(path));

const read = (path: string): string => readFileSync(join(repository, path), 'utf8');
const faultsOfSource = (path: string): readonly string[] =>
  /\.m?ts$|\.mjs$/.test(path) ? faultsOfProgram(read(path)) : faultsOfComments(read(path));
const prefixed = (path: string, faults: readonly string[]): readonly string[] =>
  faults.map((fault) => `${path}: ${fault}`);

describe('the documents', () => {
  it('have no banned phrase and no sentence that is too long', () => {
    expect(pages.length).toBeGreaterThan(80);
    const faults = pages.flatMap((path) => prefixed(path, faultsOfPage(read(path))));
    expect(faults).toEqual([]);
  });
});

describe('comments and messages of the code', () => {
  it('have no banned phrase', () => {
    expect(sources.length).toBeGreaterThan(500);
    expect(sources.flatMap((path) => prefixed(path, faultsOfSource(path)))).toEqual([]);
  });
});

describe('the check of the English', () => {
  const words = (count: number): string => `${Array.from({ length: count }, () => 'Word').join(' ')}.`;

  it('finds nothing wrong with plain sentences', () => {
    expect(faultsOfPage('# Shops\n\nThe shop sells shoes. It opens at nine.\n')).toEqual([]);
  });

  it.each([
    ['a banned phrase', 'The shop serves whoever comes.', 'The shop serves whoever comes.": name the person'],
    ['a phrase over two lines', 'It sells shoes, unless\ntold.', 'unless told.": by default'],
    ['a phrase in a table', '| shop | sells |\n| --- | --- |\n| one | the orders in hand |', 'in flight'],
    ['a sentence that is too long', `${words(41)} ${words(4)}`, 'a sentence of 41 words'],
    ['sentences that are long on average', [words(24), words(28)].join(' '), 'the mean sentence has 26.0 words'],
  ])('finds %s', (_what, text, fault) => {
    expect(faultsOfPage(text)).toEqual([expect.stringContaining(fault)]);
  });

  it('reads code blocks, code and addresses as no prose', () => {
    const page = '```sh\n# whoever\n```\n\nThe shop sells `unless told` to [all](whoever.md).\n';
    expect(faultsOfPage(page)).toEqual([]);
  });

  it('splits a page into its sentences, list items and cells', () => {
    const page = '# Title\n\nOne two three four. Five six seven eight.\n\n- Nine ten eleven twelve\n- Small one\n';
    expect(sentencesOf(page)).toEqual(['One two three four.', 'Five six seven eight.', '- Nine ten eleven twelve']);
    expect(sentenceLengths(page)).toEqual({ mean: 4, tooLong: [] });
  });

  it('finds a banned phrase in comments and strings of a program, and no name', () => {
    const source = "// For whoever\n// asks.\nconst inHand = 'none in hand';\nconst whoever = 1;\n";
    expect(faultsOfProgram(source)).toEqual([
      expect.stringContaining('For whoever asks.'),
      expect.stringContaining('none in hand'),
    ]);
  });

  it('finds a banned phrase in the comments of a manifest', () => {
    expect(faultsOfComments('kind: for nobody # else\n')).toEqual([]);
    expect(faultsOfComments('kind: Pod\n# for\n# nobody else\n')).toEqual([expect.stringContaining('for nobody')]);
  });
});
