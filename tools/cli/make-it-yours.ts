import { join } from 'node:path';
import type { Change } from '@rookery/release/eject/workspace';
import { runChild } from './child';
import type { Run } from './run';

/** What a change does, one line for each file. */
export const describeChange = ({ removed, moved, edited }: Change): string =>
  [...removed.map((path) => `- ${path}`), ...moved.map((paths) => `> ${paths}`), ...edited.map((path) => `~ ${path}`)]
    .map((line) => `${line}\n`)
    .join('');

/** Writes the generated files by the program that the workspace has now; this one is loaded already, and knows the former sources. */
export async function generateIn(run: Run, root: string): Promise<void> {
  const code = await runChild(run, process.execPath, ['--import', 'tsx', join(root, 'tools/cli/main.ts'), 'generate']);
  if (code !== 0) {
    throw new Error(
      '`npm run generate` failed; the files above are written. Mend what it names, or take the change back with git.',
    );
  }
}
