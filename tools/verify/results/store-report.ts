import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import prettier from 'prettier';
import { repository } from '@rookery/devkit/stack/repository';
import type { Progress } from '@rookery/devkit/terminal/progress';

/** What a run found. */
export interface RunReport {
  /** What was run, for example `bench`. */
  readonly kind: string;
  /** Which one, for example `relay`. */
  readonly name: string;
  readonly json: unknown;
  /** Begins with a heading of the first level. */
  readonly markdown: string;
}

export interface StoreOptions {
  /** The repository's root folder. */
  readonly root: string;
  /** Whether to write the report to `docs/results` as well, as a page with date, commit and machine. */
  readonly record: boolean;
  readonly now: Date;
}

/** Writes a report to `.data/<kind>/<name>.json` and `.md`. Result: the paths of the Markdown files, from the root. */
export async function storeReport(
  { kind, name, json, markdown }: RunReport,
  options: StoreOptions,
): Promise<readonly string[]> {
  const { root, record, now } = options;
  const written = [`.data/${kind}/${name}.md`];
  mkdirSync(join(root, '.data', kind), { recursive: true });
  writeFileSync(join(root, `.data/${kind}/${name}.json`), `${JSON.stringify(json, null, 2)}\n`);
  writeFileSync(join(root, `.data/${kind}/${name}.md`), markdown);
  if (!record) {
    return written;
  }
  const page = `docs/results/${now.toISOString().slice(0, 10)}-${kind}-${name}.md`;
  mkdirSync(join(root, 'docs/results'), { recursive: true });
  const filepath = join(root, page);
  const format = { ...(await prettier.resolveConfig(filepath)), filepath };
  writeFileSync(filepath, await prettier.format(recorded(markdown, now, commitOf(root)), format));
  return [...written, page];
}

/** Prints a report and stores it in the repository. */
export async function publishReport(
  report: RunReport,
  { record = false, progress }: { readonly record?: boolean | undefined; readonly progress: Progress },
): Promise<void> {
  const written = await storeReport(report, { root: repository, record, now: new Date() });
  process.stdout.write(`\n${report.markdown}\n`);
  progress.say(`report: ${written.join(', ')}`);
}

/** What a run was on. */
export const machine = (): string =>
  `${cpus().length} cores of ${cpus()[0]?.model ?? 'an unknown model'}, Node ${process.versions.node}`;

function recorded(markdown: string, now: Date, commit: string): string {
  const [heading = '', ...rest] = markdown.trimEnd().split('\n');
  return [heading, '', `${now.toISOString()}, commit ${commit}, ${machine()}.`, ...rest, ''].join('\n');
}

function commitOf(root: string): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return 'unknown';
  }
}
