import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { IMAGES } from '@rookery/devkit/stack/app-process';
import { repository } from '@rookery/devkit/stack/repository';
import type { StepOptions } from '@rookery/devkit/terminal/progress';
import { JEST } from '../child';
import { DONE, FAILED, INTERRUPTED } from '../exit-codes';
import { type Run, running } from '../run';

interface Check {
  readonly what: string;
  /** A program of node_modules/.bin, or Node itself. */
  readonly command: string;
  readonly args: readonly string[];
}

const bin = (name: string): string => join(repository, 'node_modules/.bin', name);

const BUILD: Check = {
  what: `build of ${IMAGES.length} apps`,
  command: bin('nx'),
  args: ['run-many', '-t', 'build', '-p', ...IMAGES, '--outputStyle=static'],
};
const FORMATTING: Check = {
  what: 'formatting (prettier)',
  command: bin('prettier'),
  args: ['--check', '.', '--log-level=warn', '--cache'],
};
const LINT: Check = {
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
const TYPES: Check = { what: 'types (tsc)', command: bin('tsc'), args: ['--noEmit', '--pretty', 'false', '-p', '.'] };
const CYCLES: Check = {
  what: 'no import cycles of files or folders (dependency-cruiser)',
  command: process.execPath,
  args: [
    join(repository, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs'),
    '--config',
    join(repository, '.dependency-cruiser.mjs'),
    'apps',
    'libs',
    'tools',
  ],
};
const UNUSED: Check = {
  what: 'no unused files, exports or dependencies (knip)',
  command: process.execPath,
  args: [join(repository, 'node_modules/knip/bin/knip.js'), '--no-progress', '--no-config-hints'],
};
const GENERATED: Check = {
  what: 'generated files are up to date',
  command: process.execPath,
  args: ['--import', 'tsx', join(repository, 'tools/cli/main.ts'), 'generate', '--check'],
};

/** They run beside the specs, which often wait. Two lanes, the long check in one of its own. */
const LANES: readonly (readonly Check[])[] = [[TYPES, FORMATTING, GENERATED, CYCLES, UNUSED], [LINT]];

const JestResults = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numRuntimeErrorTestSuites: z.number(),
  testResults: z.array(z.unknown()),
});

export function addTest(parent: Command): void {
  parent
    .command('test')
    .argument('[paths...]', 'files or folders whose specs run; options of Jest may follow')
    .option(
      '--checks',
      'with paths: every other check as well (build, types, formatting, generated files, cycles, unused code, lint)',
    )
    .allowUnknownOption()
    .addHelpText('after', '\nUnit specs (*.spec.ts) alone start no server. The last line is `N passed, N failed`.')
    .action(running(test));
}

async function test(run: Run, paths: readonly string[], { checks }: { readonly checks?: true }): Promise<number> {
  const tests = new TestRun(run);
  const code = paths.length > 0 && checks !== true ? await tests.specsOnly(paths) : await tests.everything(paths);
  return run.shutdown.signal.aborted ? INTERRUPTED : code;
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
}

class CheckFailed extends Error {}

class TestRun {
  private readonly children = new Set<ChildProcess>();
  /** Checks that failed, in the order of their end. */
  private readonly failures: string[] = [];
  /** Practices whose proof was skipped on this machine. */
  private unproven: readonly string[] = [];

  constructor(private readonly tools: Run) {
    tools.shutdown.afterwards(async () => {
      const running = [...this.children];
      for (const child of running) {
        child.kill();
      }
      await Promise.all(running.map((child) => once(child, 'close')));
    });
  }

  private stopped(): boolean {
    return this.tools.shutdown.signal.aborted;
  }

  async specsOnly(paths: readonly string[]): Promise<number> {
    return this.summary(await this.specs(paths, {}));
  }

  /** Builds, then runs the specs and beside them every other check. */
  async everything(paths: readonly string[]): Promise<number> {
    await this.check(BUILD);
    if (this.stopped()) {
      return INTERRUPTED;
    }
    const built = this.failures.length === 0;
    const [counts] = await Promise.all([
      built ? this.specs(paths, { ROOKERY_BUILT: '1' }) : { passed: 0, failed: 0 },
      this.checks(),
    ]);
    if (this.stopped()) {
      return INTERRUPTED;
    }
    const { progress } = this.tools;
    const failed = this.failures.length === 0 ? '' : `; failed checks: ${this.failures.join('; ')}`;
    progress.say(`after ${progress.elapsed}${failed}`);
    if (this.unproven.length > 0) {
      progress.say(`not proven on this machine:\n    ${this.unproven.join('\n    ')}`);
    }
    return this.summary(counts);
  }

  private summary({ passed, failed }: Counts): number {
    const all = failed + this.failures.length;
    process.stdout.write(`${passed} passed, ${all} failed\n`);
    return all === 0 ? DONE : FAILED;
  }

  /** Runs all checks of the lanes, also after one has failed, with the lowest priority. */
  private async checks(): Promise<void> {
    await Promise.all(
      LANES.map(async (lane) => {
        for (const check of lane) {
          const modest = { ...check, command: 'nice', args: ['-n', '19', check.command, ...check.args] };
          if (!this.stopped()) {
            await this.check(modest, { ticks: false });
          }
        }
      }),
    );
  }

  private async check({ what, command, args }: Check, options?: StepOptions): Promise<void> {
    try {
      await this.tools.progress.step(
        what,
        async () => {
          const { code, output } = await this.spawn(command, args, { FORCE_COLOR: '0' }, 'pipe');
          if (code !== 0) {
            throw new CheckFailed(output.trim());
          }
        },
        options,
      );
    } catch (error) {
      if (this.stopped()) {
        return;
      }
      this.failures.push(what);
      process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n\n`);
    }
  }

  /** Runs specs; Jest's own output goes to the terminal. */
  private async specs(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Counts> {
    const folder = mkdtempSync(join(tmpdir(), 'rookery-results-'));
    const file = join(folder, 'results.json');
    try {
      const jest = [...JEST, '--json', `--outputFile=${file}`, '--silent', ...args];
      const { code } = await this.spawn(process.execPath, jest, env, 'inherit');
      const results = JestResults.parse(JSON.parse(readFileSync(file, 'utf8')));
      if (env['ROOKERY_BUILT'] !== undefined) {
        this.unproven = await unprovenOf(results.testResults);
      }
      // A suite that cannot be loaded has no failed test in it, and a failed set-up no test at all.
      const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
      return { passed: results.numPassedTests, failed: failed === 0 && code !== 0 ? 1 : failed };
    } catch {
      process.stderr.write('\nJest ended without results.\n');
      return { passed: 0, failed: 1 };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  private spawn(
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    stdio: 'inherit' | 'pipe',
  ): Promise<{ readonly code: number; readonly output: string }> {
    const child = spawn(command, args, {
      cwd: repository,
      env: { ...process.env, NX_TUI: 'false', ...env },
      stdio: ['ignore', stdio, stdio],
    });
    this.children.add(child);
    let output = '';
    child.stdout?.on('data', (data: Buffer) => (output += data.toString()));
    child.stderr?.on('data', (data: Buffer) => (output += data.toString()));
    return new Promise((resolve) => {
      child.once('error', (error) => {
        this.children.delete(child);
        resolve({ code: 127, output: error.message });
      });
      child.once('close', (code) => {
        this.children.delete(child);
        resolve({ code: code ?? FAILED, output });
      });
    });
  }
}

/** Practices whose proof was skipped, by Jest's results. */
async function unprovenOf(testResults: readonly unknown[]): Promise<readonly string[]> {
  const { SpecResults, unprovenPractices } = await import('@rookery/verify/repository/ledgers/unproven');
  const ledger = readFileSync(join(repository, 'docs/ledgers/practices.yaml'), 'utf8');
  return unprovenPractices(ledger, SpecResults.parse(testResults));
}
