import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { repository } from '@rookery/devkit/stack/repository';
import { faultOfSubject } from './commit-subject';

describe('the subject of a commit', () => {
  it.each([
    'feat: sell umbrellas',
    'fix(orders): cancel once',
    'docs(orders,payments): say who pays',
    'feat!: sell for euros only',
    `fix: ${'a'.repeat(95)}`,
    "Merge branch 'umbrellas'",
    'Revert "feat: sell umbrellas"',
    'fixup! feat: sell umbrellas',
  ])('may be: %s', (subject) => {
    expect(faultOfSubject(subject)).toBeUndefined();
  });

  it.each([
    ['sell umbrellas', /is not "<type>\(<scope>\): <what changes>"/],
    ['feature: sell umbrellas', /Types: feat, fix, /],
    ['feat:sell umbrellas', /is not/],
    ['feat: ', /is not/],
    ['', /is not/],
    [`fix: ${'a'.repeat(96)}`, /has 101 characters; 100 are the most/],
  ])('may not be: %s', (subject, fault) => {
    expect(faultOfSubject(subject)).toMatch(fault);
  });
});

const Hooks = z.object({
  'pre-commit': z.object({ jobs: z.array(z.object({ run: z.string() })) }),
  'commit-msg': z.object({ jobs: z.array(z.object({ run: z.string() })) }),
});
const hooks = Hooks.parse(parse(readFileSync(join(repository, 'lefthook.yml'), 'utf8')));

describe('the hooks', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-spec-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    ['feat: sell umbrellas\n\nWhy not?\n', 0, ''],
    ['Umbrellas\n', 1, '"Umbrellas" is not'],
  ])('answer the message %j with %i', (message, status, fault) => {
    writeFileSync(join(folder, 'COMMIT_EDITMSG'), message);
    const [job] = hooks['commit-msg'].jobs;
    const command = (job?.run ?? '').replace('{1}', join(folder, 'COMMIT_EDITMSG'));
    const result = spawnSync(command, { cwd: repository, encoding: 'utf8', shell: true });
    expect(result.stderr).toContain(fault);
    expect(result.status).toBe(status);
  });

  it('run formatter and linter as they are installed here', () => {
    const commands = hooks['pre-commit'].jobs.map(({ run }) => run.slice(0, run.indexOf(' --')));
    expect(commands).toHaveLength(2);
    for (const command of commands) {
      const { status, stdout } = spawnSync(`${command} --version`, { cwd: repository, encoding: 'utf8', shell: true });
      expect(stdout).toMatch(/^v?\d+\.\d+\.\d+\n$/);
      expect(status).toBe(0);
    }
  });
});
