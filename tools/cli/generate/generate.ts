import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { helpWhenAsked, takesNoArguments } from '@rookery/devkit/terminal/help';
import { generatedFiles, root } from './generated-files';

// `npm run generate` writes the generated files; `npm run generate -- --check` only tells which are not what the code makes.
const usage = `Usage: npm run generate [-- --check]
Writes the API documents, .env.example and the broker's configuration from the code; with --check only tells which are stale.`;
helpWhenAsked(usage);
const args = process.argv.slice(2);
const check = args.includes('--check');
takesNoArguments(
  usage,
  args.filter((argument) => argument !== '--check'),
);

const drifted: string[] = [];
for (const { path, text } of await generatedFiles()) {
  const file = join(root, path);
  if ((await readFile(file, 'utf8').catch(() => undefined)) === text) continue;
  drifted.push(path);
  if (check) continue;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

if (drifted.length === 0) {
  console.log('generated files are up to date');
} else if (check) {
  console.error(`not what the code makes: ${drifted.join(', ')}. Run \`npm run generate\` and commit the result.`);
  process.exitCode = 1;
} else {
  console.log(`written: ${drifted.join(', ')}`);
}
