import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import prettier from 'prettier';
import { UserError } from '@rookery/devkit/terminal/user-error';
import type { Outcome } from './eject';
import type { Files } from './part';

const git = (root: string, ...args: readonly string[]): string =>
  execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: 'pipe', maxBuffer: 64 << 20 });

/** The files of a checkout that has no changes of its own, so that git can show and undo what follows. */
export function readCheckout(root: string, { force }: { readonly force: boolean }): Files {
  if (checkoutOf(root) !== realpathSync(root)) {
    throw new UserError(
      `${root} is not a git checkout, so nothing could be taken back.`,
      'Run `git init`, and commit everything.',
    );
  }
  const changed = force
    ? []
    : git(root, 'status', '--porcelain')
        .split('\n')
        .filter((line) => line !== '');
  if (changed.length > 0) {
    throw new UserError(
      `There are changes that are not committed, the first is ${changed[0]?.slice(3)}.`,
      'Commit or stash them; --force goes on all the same.',
    );
  }
  return readWorkspace(root);
}

function checkoutOf(folder: string): string | undefined {
  try {
    return git(folder, 'rev-parse', '--show-toplevel').trim();
  } catch {
    return undefined;
  }
}

/** Every file that git has or would take, by its path. */
export function readWorkspace(root: string): Files {
  const paths = git(root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard').split('\0');
  return new Map(
    [...new Set(paths)]
      .filter((path) => path !== '' && lstatSync(join(root, path), { throwIfNoEntry: false })?.isFile() === true)
      .map((path) => [path, readFileSync(join(root, path), 'utf8')] as const),
  );
}

/** What a change of a workspace does to its files. */
export interface Change {
  readonly removed: readonly string[];
  readonly moved: readonly string[];
  readonly edited: readonly string[];
}

export function changeOf(before: Files, { files, moves }: Outcome): Change {
  const origin = new Map(moves.map(({ from, to }) => [to, from]));
  const moved = new Set(moves.map(({ from }) => from));
  return {
    removed: [...before.keys()].filter((path) => !files.has(path) && !moved.has(path)),
    moved: moves.map(({ from, to }) => `${from} → ${to}`),
    edited: [...files].filter(([path, text]) => before.get(origin.get(path) ?? path) !== text).map(([path]) => path),
  };
}

/** Writes what changed, laid out by the formatter of the workspace. Files keep their modes. */
export async function writeWorkspace(root: string, before: Files, outcome: Outcome): Promise<void> {
  const { removed, edited } = changeOf(before, outcome);
  const origin = new Map(outcome.moves.map(({ from, to }) => [to, from]));
  for (const { from, to } of outcome.moves) {
    mkdirSync(dirname(join(root, to)), { recursive: true });
    renameSync(join(root, from), join(root, to));
  }
  for (const path of removed) {
    rmSync(join(root, path));
  }
  for (const path of [...removed, ...outcome.moves.map(({ from }) => from)]) {
    removeEmptyFolders(root, dirname(path));
  }
  for (const path of edited) {
    const text = outcome.files.get(path) ?? '';
    // Cells of a table are padded to the longest.
    const isLaidOut =
      outcome.onlyWords === true && !path.endsWith('.md') && onlyGrew(before.get(origin.get(path) ?? path) ?? '', text);
    writeFileSync(join(root, path), isLaidOut ? text : await formatted(root, path, text));
  }
}

function removeEmptyFolders(root: string, folder: string): void {
  if (folder === '.' || !existsSync(join(root, folder))) {
    return;
  }
  try {
    rmdirSync(join(root, folder));
    removeEmptyFolders(root, dirname(folder));
  } catch {
    // Something is left in it.
  }
}

/** The formatter breaks a line that is too long and joins short ones: where words only grew within its width there is nothing to do. */
function onlyGrew(before: string, after: string): boolean {
  const [old, now] = [before.split('\n'), after.split('\n')];
  return (
    old.length === now.length &&
    now.every((line, index) => {
      const was = old[index]?.length ?? 0;
      return line.length === was || (line.length > was && line.length <= WIDTH);
    })
  );
}

/** The `printWidth` of .prettierrc.json. */
const WIDTH = 120;

async function formatted(root: string, path: string, text: string): Promise<string> {
  const file = join(root, path);
  const { ignored, inferredParser } = await prettier.getFileInfo(file, { ignorePath: join(root, '.prettierignore') });
  if (ignored || inferredParser === null) {
    return text;
  }
  return prettier.format(text, { ...(await prettier.resolveConfig(file)), filepath: file });
}
