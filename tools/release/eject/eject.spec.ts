import { eject, type Outcome } from './eject';
import { danglingImports, faultsOfPart } from './faults';
import type { Part } from './part';

const tea: Part = {
  name: 'tea',
  goes: 'the tea',
  paths: ['tools/tea', 'tools/cli/tea.ts'],
  moves: [{ from: 'tools/tea/water.conf', to: 'docker/water.conf' }],
  scripts: ['tea'],
  packages: ['@pot/*'],
  elements: [{ file: 'rules.json', array: 'rules', containing: 'leaf' }],
};
const manifest = {
  name: 'shop',
  scripts: { tea: 'shop tea', test: 'shop test' },
  dependencies: { leaf: '1.0.0', cup: '1.0.0' },
  devDependencies: { '@pot/lid': '1.0.0', '@types/leaf': '1.0.0' },
};
const row = { state: 'done', where: ['tools/tea', 'tools/cup.ts'] };
const files = new Map(
  Object.entries({
    'package.json': JSON.stringify(manifest),
    'package-lock.json': JSON.stringify({ name: 'shop', packages: { '': manifest } }),
    'tsconfig.base.json': JSON.stringify({ compilerOptions: { paths: { '@shop/*': ['./tools/*'] } } }),
    'tools/tea/tea.ts':
      "import 'leaf';\nimport { kettle } from '@shop/kettle';\nimport { cup } from '../cup';\nkettle(cup);\n",
    'tools/tea/water.conf': 'hot\n',
    'tools/kettle.ts':
      "import { fire } from './fire';\nexport const kettle = fire;\nexport const start = () => 'boiler.mjs';\n",
    'tools/kettle.spec.ts': "import { kettle } from './kettle';\nkettle();\n",
    'tools/fire.ts': 'export const fire = () => 1;\n',
    'tools/boiler.mjs': 'export {};\n',
    'tools/cup.ts': "import 'cup';\nexport const cup = 1;\n",
    'tools/cli/tea.ts': "import '@shop/tea/tea';\n",
    'tools/cli/registry.ts': [
      "import { cup } from '../cup';",
      "import { fire } from '../fire';",
      'export const commands = [',
      "  { name: 'tea', load: async () => (await import('./tea')).tea },",
      "  { name: 'cup', load: () => cup },",
      '];',
      'fire(); // part:tea',
      '',
    ].join('\n'),
    'docker/compose.yaml': 'file: tools/tea/water.conf\n',
    'rules.json': JSON.stringify({ rules: [{ of: 'leaf' }, { of: 'cup' }] }),
    'knip.json': JSON.stringify({ entry: ['tools/tea/*.ts', 'tools/cup.ts'] }),
    '.github/CODEOWNERS': '* @all\n/tools/tea/ @tea\n',
    'docs/ledgers/practices.yaml': JSON.stringify({
      chapters: [
        {
          title: 'Drinks',
          rows: [
            { id: 'D1', ...row, proof: [{ spec: 'tools/kettle.spec.ts', titles: ['boils'] }] },
            { id: 'D2', state: 'open: milk' },
          ],
        },
      ],
    }),
  }),
);
const { files: after, moves }: Outcome = eject(files, [tea], [tea]);
const json = (path: string): unknown => JSON.parse(after.get(path) ?? '');

describe('a workspace without a part', () => {
  it('has none of its files, nor modules that only it used, nor their specs', () => {
    const paths = [...files.keys()].filter((path) => !after.has(path));
    expect(paths).toEqual([
      'tools/tea/tea.ts',
      'tools/tea/water.conf',
      'tools/kettle.ts',
      'tools/kettle.spec.ts',
      'tools/fire.ts',
      'tools/boiler.mjs',
      'tools/cli/tea.ts',
    ]);
    expect(danglingImports(after)).toEqual([]);
  });

  it('keeps what others need where they find it', () => {
    expect(moves).toEqual([{ from: 'tools/tea/water.conf', to: 'docker/water.conf' }]);
    expect(after.get('docker/water.conf')).toBe('hot\n');
    expect(after.get('docker/compose.yaml')).toBe('file: docker/water.conf\n');
  });

  it('has neither its commands nor imports that nothing uses', () => {
    const registry = after.get('tools/cli/registry.ts');
    expect(registry).toContain("name: 'cup'");
    expect(registry).not.toMatch(/tea|fire/);
  });

  it('has neither its scripts nor its packages, in the lock file either', () => {
    const left = { name: 'shop', scripts: { test: 'shop test' }, dependencies: { cup: '1.0.0' }, devDependencies: {} };
    expect(json('package.json')).toEqual(left);
    expect(json('package-lock.json')).toEqual({ name: 'shop', packages: { '': left } });
  });

  it('names it in no configuration', () => {
    expect(json('rules.json')).toEqual({ rules: [{ of: 'cup' }] });
    expect(json('knip.json')).toEqual({ entry: ['tools/cup.ts'] });
    expect(after.get('.github/CODEOWNERS')).toBe('* @all\n');
  });

  it('claims no practice whose proof went with it', () => {
    expect(after.get('docs/ledgers/practices.yaml')).toBe(
      [
        'chapters:',
        '  - title: Drinks',
        '    rows:',
        '      - id: D1',
        '        state: "open: what did it was ejected from this workspace"',
        '        where:',
        '          - tools/cup.ts',
        '      - id: D2',
        '        state: "open: milk"',
        '',
      ].join('\n'),
    );
  });
});

describe('the declaration of a part', () => {
  it('is out of date when it names what is not there', () => {
    expect(faultsOfPart(tea, files)).toEqual([]);
    expect(faultsOfPart(tea, after)).toEqual(
      ['tools/tea', 'tools/cli/tea.ts', 'tools/tea/water.conf', 'tea', '@pot/*', '"leaf" in rules.json'].map(
        (what) => `tea: ${what} is not there`,
      ),
    );
  });
});
