import { readFileSync } from 'node:fs';

/** The kinds of change that a subject may begin with. */
const TYPES = ['feat', 'fix', 'perf', 'refactor', 'test', 'docs', 'style', 'build', 'ci', 'chore', 'merge', 'revert'];
const LONGEST = 100;
const CONVENTIONAL = new RegExp(`^(?:${TYPES.join('|')})(?:\\([\\w-]+(?:,[\\w-]+)*\\))?!?: \\S`);
/** What git writes itself. */
const OF_GIT = /^(?:Merge |Revert "|(?:fixup|squash|amend)! )/;

/** What is wrong with the first line of a commit message; undefined when nothing is. */
export function faultOfSubject(subject: string): string | undefined {
  if (OF_GIT.test(subject)) {
    return undefined;
  }
  if (subject.length > LONGEST) {
    return `The subject has ${subject.length} characters; ${LONGEST} are the most.`;
  }
  if (CONVENTIONAL.test(subject)) {
    return undefined;
  }
  return `"${subject}" is not "<type>(<scope>): <what changes>". Types: ${TYPES.join(', ')}; the scope may be left out.`;
}

/** As git's commit-msg hook: the first argument is the file of the message. Node runs this file as it is. */
if (import.meta.main) {
  const [file] = process.argv.slice(2);
  if (file === undefined) {
    throw new Error('Usage: node tools/verify/pipeline/commit-subject.ts <file of the message>');
  }
  const [subject = ''] = readFileSync(file, 'utf8').split('\n', 1);
  const fault = faultOfSubject(subject.trimEnd());
  if (fault !== undefined) {
    process.stderr.write(`${fault}\n`);
    process.exitCode = 1;
  }
}
