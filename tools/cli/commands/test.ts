import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { SpecResults, unprovenPractices } from '@rookery/verify/repository/ledgers/unproven';
import { IMAGES } from '@rookery/devkit/stack/app-process';
import { Progress, type StepOptions } from '@rookery/devkit/terminal/progress';
import { repository } from '@rookery/devkit/stack/repository';

/** `npm test`: builds, then every spec and beside them every other check. The last line on stdout is `N passed, N failed`. */

interface Check {
  readonly what: string;
  /** A program of node_modules/.bin, or a file of ours. */
  readonly command: string;
  readonly args: readonly string[];
}

const bin = (name: string): string => join(repository, 'node_modules/.bin', name);

const build: Check = {
  what: `build of ${IMAGES.length} apps`,
  command: bin('nx'),
  args: ['run-many', '-t', 'build', '-p', ...IMAGES, '--outputStyle=static'],
};
const prettier: Check = {
  what: 'formatting (prettier)',
  command: bin('prettier'),
  args: ['--check', '.', '--log-level=warn', '--cache'],
};
const eslint: Check = {
  what: 'lint and module boundaries (eslint)',
  command: bin('eslint'),
  args: [
    '.',
    '--max-warnings=0',
    '--cache',
    '--cache-strategy=content',
    '--cache-location=node_modules/.cache/eslint/',
  ],
};
const types: Check = { what: 'types (tsc)', command: bin('tsc'), args: ['--noEmit', '--pretty', 'false', '-p', '.'] };
const cycles: Check = {
  what: 'no import cycles of files or folders (dependency-cruiser)',
  command: process.execPath,
  args: [
    join(repository, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs'),
    '--config',
    join(repository, '.dependency-cruiser.mjs'),
    'apps',
    'libs',
  ],
};
const generated: Check = {
  what: 'generated files are up to date',
  command: process.execPath,
  args: ['--import', 'tsx', join(repository, 'tools/cli/generate/generate.ts'), '--check'],
};

/** Beside the specs, which wait now and then: these have what is left over. Two lanes, the long one apart. */
const lanes: readonly (readonly Check[])[] = [[types, prettier, generated, cycles], [eslint]];

const JestResults = z.object({
  success: z.boolean(),
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numRuntimeErrorTestSuites: z.number(),
  testResults: SpecResults,
});

const children = new Set<ReturnType<typeof spawn>>();
const stop = new AbortController();

/** After Ctrl-C the killed checks are no failures, and nothing further is started. */
function exitIfStopped(): void {
  if (stop.signal.aborted) process.exit(130);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    stop.abort();
    for (const child of children) child.kill(signal);
  });
}

function run(command: string, args: readonly string[], env: Record<string, string>, stdio: 'inherit' | 'pipe') {
  const child = spawn(command, args, {
    cwd: repository,
    env: { ...process.env, NX_TUI: 'false', ...env },
    stdio: ['ignore', stdio, stdio],
  });
  children.add(child);
  let output = '';
  child.stdout?.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr?.on('data', (data: Buffer) => (output += data.toString()));
  return new Promise<{ readonly code: number; readonly output: string }>((resolve) => {
    child.once('error', (error) => {
      resolve({ code: 127, output: error.message });
    });
    child.once('close', (code) => {
      children.delete(child);
      resolve({ code: code ?? 1, output });
    });
  });
}

class CheckFailed extends Error {}

/** Says what a check found. */
async function runCheck({ what, command, args }: Check, options?: StepOptions): Promise<void> {
  try {
    await progress.step(
      what,
      async () => {
        const { code, output } = await run(command, args, { FORCE_COLOR: '0' }, 'pipe');
        if (code !== 0) throw new CheckFailed(output.trim());
      },
      options,
    );
  } catch (error) {
    if (stop.signal.aborted) return;
    failures.push(what);
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n\n`);
  }
}

/** Runs all checks of the lanes, also after one has failed, and gives way to the specs. */
async function runChecks(): Promise<void> {
  await Promise.all(
    lanes.map(async (lane) => {
      for (const check of lane) {
        const modest = { ...check, command: 'nice', args: ['-n', '19', check.command, ...check.args] };
        if (!stop.signal.aborted) await runCheck(modest, { ticks: false });
      }
    }),
  );
}

/** Runs every spec of every project; Jest's own output goes to the terminal. */
async function runSpecs(args: readonly string[]): Promise<{ readonly passed: number; readonly failed: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-results-'));
  const file = join(folder, 'results.json');
  try {
    const jest = join(repository, 'node_modules/jest/bin/jest.js');
    const node = ['--experimental-vm-modules', '--no-warnings', jest];
    const { code } = await run(
      process.execPath,
      [...node, '--json', `--outputFile=${file}`, '--silent', ...args],
      { ROOKERY_BUILT: '1' },
      'inherit',
    );
    const results = JestResults.parse(JSON.parse(readFileSync(file, 'utf8')));
    // A suite that cannot even be loaded has no failed test in it, and a failed set-up no test at all.
    const broken = results.numRuntimeErrorTestSuites;
    const ledger = readFileSync(join(repository, 'docs/ledgers/practices.yaml'), 'utf8');
    unproven = unprovenPractices(ledger, results.testResults);
    const failed = results.numFailedTests + broken;
    return { passed: results.numPassedTests, failed: failed === 0 && code !== 0 ? 1 : failed };
  } catch {
    process.stderr.write('\nJest ended without results.\n');
    return { passed: 0, failed: 1 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const progress = new Progress();
/** Checks that failed, in the order of their end. */
const failures: string[] = [];
/** Practices whose proof was skipped on this machine. */
let unproven: readonly string[] = [];
await runCheck(build);
exitIfStopped();
const [{ passed, failed }] = await Promise.all([
  failures.length === 0 ? runSpecs(process.argv.slice(2)) : { passed: 0, failed: 0 },
  runChecks(),
]);
exitIfStopped();
progress.say(`after ${progress.elapsed}${failures.length === 0 ? '' : `; failed checks: ${failures.join('; ')}`}`);
if (unproven.length > 0) progress.say(`not proven on this machine:\n    ${unproven.join('\n    ')}`);
process.stdout.write(`${passed} passed, ${failed + failures.length} failed\n`);
process.exit(failed + failures.length === 0 ? 0 : 1);
