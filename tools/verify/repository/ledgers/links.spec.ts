import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '@rookery/devkit/stack/repository';
import { deadLinksOf } from './links';

const MADE = new Set(['node_modules', 'dist', '.data', '.git', '.nx', 'coverage', 'tmp']);
const paths = globSync(['**/*.{md,ts,mts,mjs,yml,yaml,tf}', '.github/**/*.{md,yml}'], {
  cwd: repository,
  exclude: (path) => path.split('/').some((part) => MADE.has(part)),
});

describe('links and references', () => {
  it('lead to files and headings that are in this repository', () => {
    const files = paths.map((path) => ({ path, text: readFileSync(join(repository, path), 'utf8') }));
    expect(paths).toContain('docs/decisions/README.md');
    expect(paths).toContain('.github/workflows/main.yml');
    expect(deadLinksOf(files, (path) => existsSync(join(repository, path)))).toEqual([]);
  });
});

describe('the check of links', () => {
  const page = { path: 'docs/shop.md', text: '# How to sell\n\n[till](../till.md#open-it), [here](#how-to-sell)\n' };
  const till = { path: 'till.md', text: '## Open it\n\n`[no link](gone.md)`\n\n```\n[none](gone.md)\n```\n' };
  const code = { path: 'till.ts', text: "// As till.md says.\nconst name = 'gone.md';\n" };
  const dead = (...files: readonly { readonly path: string; readonly text: string }[]): readonly string[] =>
    deadLinksOf(files, (path) => ['docs/shop.md', 'till.md', 'docs/till.png'].includes(path));

  it('finds nothing wrong where every link leads somewhere', () => {
    expect(dead(page, till, code)).toEqual([]);
  });

  it.each([
    ['a link to no file', '[gone](gone.md)', 'docs/gone.md'],
    ['a link to no heading', '[till](../till.md#close-it)', 'till.md#close-it'],
    ['a link to no heading of its own', '[there](#nowhere)', 'docs/shop.md#nowhere'],
    ['an image that is not there', '<img src="gone.png" alt="">', 'docs/gone.png'],
    ['a path that is not there', '`tools/gone.ts` sells', 'tools/gone.ts'],
  ])('finds %s', (_what, text, target) => {
    expect(dead({ ...page, text: `${page.text}\n${text}\n` }, till)).toEqual([
      `docs/shop.md: ${target} does not exist`,
    ]);
  });

  it('finds a page that a comment names and that is not there', () => {
    expect(dead(till, { ...code, text: '/**\n * As gone.md says.\n */\n' })).toEqual([
      'till.ts: gone.md does not exist',
    ]);
  });

  it('finds a path in a manifest that is not there', () => {
    expect(dead({ path: 'k8s/shop.yaml', text: '# See docs/gone.md.\n' })).toEqual([
      'k8s/shop.yaml: docs/gone.md does not exist',
    ]);
  });
});
