import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { printFailure } from '@rookery/devkit/terminal/progress';
import { repository } from '@rookery/devkit/stack/repository';
import { StackError } from '@rookery/devkit/terminal/stack-error';
import { cases } from './cases';
import { kyvernoTest } from './kyverno-test';

/** `npm run policies -- <folder>`: writes the cases for `kyverno test <folder>`, which evaluates them with the real Kyverno. */
try {
  const [given] = process.argv.slice(2);
  if (given === undefined)
    throw new StackError('Which folder?', 'Usage: npm run policies -- <folder>; then kyverno test <folder>');
  const folder = resolve(given);
  mkdirSync(folder, { recursive: true });
  for (const { name, text } of kyvernoTest(cases, relative(folder, repository)))
    writeFileSync(join(folder, name), text);
  process.stderr.write(`${cases.length} cases in ${folder}: kyverno test ${folder}\n`);
} catch (error) {
  printFailure(error);
  process.exitCode = 1;
}
