import { spawnSync } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, CommanderError } from 'commander';
import { repository } from '@rookery/devkit/stack/repository';
import { completionOf, SHELLS } from './completion';
import { buildProgram, calledBy, pathOf } from './program';
import { commands } from './registry';

/** What a program prints, and its exit code; its action is replaced, so that nothing starts. */
interface Outcome {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Arguments of the action, if it was called. */
  readonly called?: readonly unknown[];
}

async function run(...args: readonly string[]): Promise<Outcome> {
  const printed = { stdout: '', stderr: '' };
  const output = (stream: 'stdout' | 'stderr') => ({ write: (text: string) => (printed[stream] += text) });
  const entry = calledBy(args);
  const program = await buildProgram(entry === undefined ? [] : [entry], {
    stdout: output('stdout'),
    stderr: output('stderr'),
  });
  let called: readonly unknown[] | undefined;
  for (const command of allOf(program)) {
    if (command.commands.length === 0) {
      command.action((...given: readonly unknown[]) => void (called = given));
    }
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return { code: undefined, ...printed, ...(called === undefined ? {} : { called }) };
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      throw error;
    }
    return { code: error.exitCode, ...printed };
  }
}

const allOf = (command: Command): readonly Command[] => [command, ...command.commands.flatMap(allOf)];
const silent = { stdout: { write: () => true }, stderr: { write: () => true } };

describe('every command', () => {
  it.each(commands.map(({ name }) => name))('%s prints its usage for --help, and starts nothing', async (name) => {
    const { code, stdout, stderr, called } = await run(...name.split(' '), '--help');
    expect({ code, stderr, called }).toEqual({ code: 0, stderr: '', called: undefined });
    expect(stdout).toMatch(new RegExp(`^Usage: rookery ${name}`));
  });

  it('is listed by the help of the program, with its summary', async () => {
    const { stdout } = await run('--help');
    for (const { name, summary } of commands) {
      expect(stdout).toMatch(new RegExp(`^  ${name} +${summary.slice(0, 20).replaceAll(/[|()[\]]/g, '.')}`, 'm'));
    }
    expect(stdout).toContain('Exit codes: 0 done, 1 it failed or found a difference, 2 wrong usage, 130 interrupted.');
  });

  it('is completed in each shell', async () => {
    const program = await buildProgram(commands, silent);
    for (const shell of SHELLS) {
      const script = completionOf(program, shell);
      for (const command of allOf(program).slice(1)) {
        expect(script).toContain(command.name());
      }
    }
    expect(spawnSync('bash', ['-n'], { input: completionOf(program, 'bash') }).status).toBe(0);
  });
});

describe('wrong usage', () => {
  it.each([
    [['verify', 'imges'], /^unknown command 'imges' \(Did you mean verify images\?\) /],
    [['tokn'], /^unknown command 'tokn' \(Did you mean token\?\) /],
    [['reset', '--dry-run'], /^unknown option '--dry-run'/],
    [['reset', 'everything'], /^too many arguments/],
    [['token'], /^missing required argument 'user'/],
    [['verify', 'chaos', '--seconds', '0'], /must be a whole number from 1/], // part:chaos
    [['verify', 'chaos', '--seconds', ''], /must be a whole number from 1/], // part:chaos
    [['verify', 'chaos', '--rate', 'fast'], /must be a whole number/], // part:chaos
    [['verify', 'chaos', '--seeds', '5'], /must be two numbers/], // part:chaos
    [['verify', 'chaos', '--seeds', '5-4'], /must be two numbers/], // part:chaos
    [['verify', 'fuzz', '--cases', '0'], /must be a whole number from 1/], // part:fuzz
    [['verify', 'fuzz', '--seed', 'x'], /must be a whole number/], // part:fuzz
    [['verify', 'restore', '--service', 'gateway'], /Allowed choices are/],
    [['release', 'promote', '--from', 'dev'], /required option '--to <environment>'/], // part:kubernetes
    [['credentials', 'new', 'vm'], /Allowed choices are compose/],
    [['credentials', 'rotate', 'passport'], /Allowed choices are database-password, nats-key, .*signing-key/],
  ])('of %j is answered in one line with a hint', async (args, message) => {
    const { code, stdout, stderr, called } = await run(...args);
    expect({ code, stdout, called }).toEqual({ code: 1, stdout: '', called: undefined });
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/`rookery --help` lists the commands, `rookery <command> --help` its options\.\n$/);
    expect(stderr.trimEnd()).not.toContain('\n');
  });

  it('ends the process with 2, and runs nothing', () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', 'tsx', join(repository, 'tools/cli/main.ts'), 'reset', '--dry-run'],
      { cwd: repository, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '', ROOKERY_DATA_DIR: '/dev/null' } },
    );
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^unknown option '--dry-run'.*\n$/);
  });
});

describe('the options', () => {
  it.each([
    [['verify', 'chaos'], { seconds: 60, rate: 30 }], // part:chaos
    // #region part:chaos
    [
      ['verify', 'chaos', '--seed', '3', '--seconds', '5', '--rate', '7', '--faults', 'poison,stall', '--keep'],
      { seed: 3, seconds: 5, rate: 7, faults: ['poison', 'stall'], keep: true },
    ],
    // #endregion part:chaos
    [['verify', 'chaos', '--seeds', '3-5'], { seconds: 60, rate: 30, seeds: [3, 4, 5] }], // part:chaos
    [['verify', 'fuzz'], { cases: 10_000, from: 0 }], // part:fuzz
    [['verify', 'fuzz', '--seed', '7', '--cases', '20', '--from', '5'], { seed: 7, cases: 20, from: 5 }], // part:fuzz
    [['verify', 'restore'], { service: 'orders' }],
    [
      ['verify', 'restore', '--service', 'payments', '--lose-wal', '--keep'],
      { service: 'payments', loseWal: true, keep: true },
    ],
  ])('of %j are %j', async (args, options) => {
    const { called } = await run(...args);
    expect(called?.[0]).toEqual(options);
  });

  it.each(['test', 'spec'])('of Jest reach it through %s', async (name) => {
    const { called } = await run(name, 'libs/contracts', '-t', 'is kept', '--inspect-brk=9230');
    expect(called?.[0]).toEqual(['libs/contracts', '-t', 'is kept', '--inspect-brk=9230']);
  });
});

describe('what documents, workflows and messages tell people to run', () => {
  const CALL = /\b(?:npx|--silent|-s|npm run) rookery (?:-- )?(?<words>[a-z][a-z-]*(?: [a-z][a-z-]*)*)/g;
  const files = execFileSync('git', ['ls-files'], { cwd: repository, encoding: 'utf8' })
    .split('\n')
    .filter((file) => /\.(md|ya?ml|ts|mjs|tf)$/.test(file) && !/^(findings|CHANGELOG)/.test(file));

  it('is a command of the program', async () => {
    const known = new Set(allOf(await buildProgram(commands, silent)).map((command) => pathOf(command)));
    const unknown = files.flatMap((file) =>
      [...readFileSync(join(repository, file), 'utf8').matchAll(CALL)]
        .map(({ groups }) => groups?.['words'] ?? '')
        .filter((words) => {
          const [first = '', second] = words.split(' ');
          const family = [...known].some((path) => path.startsWith(`${first} `));
          return !(known.has(`${first} ${second ?? ''}`) || (known.has(first) && (second === undefined || !family)));
        })
        .map((words) => `${file}: rookery ${words}`),
    );
    expect(unknown).toEqual([]);
  });
});
