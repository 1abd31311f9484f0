import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brokenPromises, stepsOf } from './page';
import { applyDiff } from './reader';

const block = (language: string, text: string): string => `\`\`\`${language}\n${text}\n\`\`\`\n`;

describe('the steps of a tutorial', () => {
  it('are its sections with what a reader changes and runs, in their order', () => {
    const page = [
      '# Shops\n\nHow to open one.\n',
      `## 1. Sell\n\nWhy.\n\n${block('diff', '--- a/till\n+++ b/till')}\n${block('sh', 'sell 1 |\n  count\n# … sold\n# done')}`,
      `## 2. Close\n\n${block('sh', 'close')}`,
      '## Further reading\n\nNone.\n',
    ].join('\n');
    expect(stepsOf(page)).toEqual([
      {
        title: '1. Sell',
        actions: [
          { kind: 'edit', diff: '--- a/till\n+++ b/till\n' },
          { kind: 'run', commands: 'sell 1 |\n  count', promised: ['… sold', 'done'] },
        ],
      },
      { title: '2. Close', actions: [{ kind: 'run', commands: 'close', promised: [] }] },
    ]);
  });

  it('have no block that a reader could only guess how to follow', () => {
    expect(() => stepsOf(`## 1. Sell\n\n${block('ts', 'sell();')}`)).toThrow('"1. Sell" has a block of "ts"');
  });
});

describe('a promised line', () => {
  it.each([
    ['the line itself', 'sold'],
    ['a part of it, with anything for …', '… passed, 0 failed'],
    ['a line in color', 'done'],
  ])('is kept by %s', (_what, promise) => {
    expect(brokenPromises([promise], 'sold\n12 passed, 0 failed\n\u001B[32mdone\u001B[39m\n')).toEqual([]);
  });

  it.each(['… passed, 1 failed', 'sold … done', '0 failed … passed'])('is broken: %s', (promise) => {
    expect(brokenPromises([promise], 'sold\n12 passed, 0 failed\ndone\n')).toEqual([promise]);
  });
});

describe('a change of a tutorial', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-tutorial-diff-'));
  const till = join(folder, 'shop/till.ts');
  const diff = '--- a/shop/till.ts\n+++ b/shop/till.ts\n@@ -7,3 +7,4 @@\n open();\n\n+sell();\n close();\n';
  mkdirSync(join(folder, 'shop'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is made where its lines are, also when they have moved and an editor has trimmed an empty one', () => {
    writeFileSync(till, '// A shop.\n\nopen();\n\nclose();\n');
    applyDiff(folder, diff);
    expect(readFileSync(till, 'utf8')).toBe('// A shop.\n\nopen();\n\nsell();\nclose();\n');
  });

  it('fails naming the file when its lines are no longer there', () => {
    writeFileSync(till, 'open();\n\nshut();\n');
    expect(() => applyDiff(folder, diff)).toThrow(/shop\/till\.ts/);
    expect(readFileSync(till, 'utf8')).toBe('open();\n\nshut();\n');
  });
});
