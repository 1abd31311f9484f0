import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { repository } from '@rookery/devkit/stack/repository';
import { cases } from './cases';
import { kyvernoTest } from './kyverno-test';

/** Writes the cases for `kyverno test <folder>`, which evaluates them with the real Kyverno. Result: how many. */
export function writeKyvernoTest(folder: string): number {
  mkdirSync(folder, { recursive: true });
  for (const { name, text } of kyvernoTest(cases, relative(folder, repository))) {
    writeFileSync(join(folder, name), text);
  }
  return cases.length;
}
