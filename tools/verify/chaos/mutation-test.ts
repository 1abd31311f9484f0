import { buildApps } from '@rookery/devkit/stack/build';
import type { Progress } from '@rookery/devkit/terminal/progress';
import { UserError, WRONG_USAGE } from '@rookery/devkit/terminal/user-error';
import { faultsNamed } from './faults/faults';
import { buildMutant, type Mutant, mutants } from './mutants';
import { runChaos } from './run';

/**
 * Removes one protection at a time. Each run must report a violation; result: whether all did.
 * @throws {UserError} when there is no mutant of a name
 */
export async function runMutants(names: readonly string[], progress: Progress): Promise<boolean> {
  const unknown = names.filter((name) => mutants.every((mutant) => mutant.name !== name));
  if (unknown.length > 0) {
    throw new UserError(
      `There is no mutant ${unknown.join(', ')}.`,
      `Known: ${mutants.map(({ name }) => name).join(', ')}`,
      WRONG_USAGE,
    );
  }
  const chosen = mutants.filter(({ name }) => names.length === 0 || names.includes(name));
  await progress.step('build', () => buildApps());
  let survivors = 0;
  process.stdout.write('| mutant | faults | caught by |\n| --- | --- | --- |\n');
  for (const [index, mutant] of chosen.entries()) {
    progress.say(`mutant ${index + 1} of ${chosen.length}: ${mutant.name}: ${mutant.what}`);
    const caught = await caughtBy(mutant, progress);
    if (caught === undefined) {
      survivors += 1;
    }
    process.stdout.write(`| ${mutant.name} | ${mutant.faults.join(', ')} | ${caught ?? '**nothing**'} |\n`);
  }
  return survivors === 0;
}

async function caughtBy(mutant: Mutant, progress: Progress): Promise<string | undefined> {
  const { violations } = await runChaos({
    seed: 7,
    seconds: mutant.seconds,
    rate: 30,
    faults: faultsNamed(mutant.faults),
    apps: buildMutant(mutant),
    progress,
  });
  const [first] = violations;
  if (first === undefined) {
    return undefined;
  }
  const invariants = [...new Set(violations.map(({ invariant }) => invariant))].toSorted().join(', ');
  return `${invariants}: ${violations.length} violations, the first: ${first.what}`;
}
