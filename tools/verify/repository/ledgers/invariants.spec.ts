import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { invariants } from '@rookery/devkit/invariants/invariants';
import { repository } from '@rookery/devkit/stack/repository';
import { faults } from '../../chaos/faults/faults';
import { pathsIn, proofsIn } from './markdown-proofs';
import { faultsOfProof } from './proofs';

const read = (path: string): string => readFileSync(join(repository, path), 'utf8');
const page = read('docs/invariants.md');
const files = { exists: (path: string) => existsSync(join(repository, path)), read };

const cellsOf = (line: string): readonly string[] => line.split('|').map((cell) => cell.trim());
const lines = page.split('\n').filter((line) => line.startsWith('| '));
const rows = lines
  .map(cellsOf)
  .filter(([, id = '']) => /^I\d+$/.test(id))
  .map(([, id = '', statement = '', checkedBy = '']) => ({ id, statement, checkedBy }));

describe('the page of invariants', () => {
  it('states I1 to I12, each once and in the words of the code', () => {
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 12 }, (_, index) => `I${index + 1}`));
    expect(rows.map(({ id, statement }) => ({ id, statement }))).toEqual(
      invariants.map(({ id, statement }) => ({ id, statement })),
    );
  });

  it.each(rows)('says of $id where its check is', ({ id, checkedBy }) => {
    const file = `${id.toLowerCase()}.ts`;
    expect(checkedBy).toContain(`[${file}](../tools/devkit/invariants/${file})`);
  });

  // #region part:chaos
  it('states every fault of the chaos runs, with the time that it has to recover', () => {
    const stated = lines
      .map(cellsOf)
      .flatMap(([, name = '', , within = '']) => (/^`[\w-]+`$/.test(name) ? [`${name.slice(1, -1)} ${within}`] : []));
    const known = faults.map(({ name, recoversWithinMs }) => `${name} ${recoversWithinMs / 1_000} s`);
    expect(stated.toSorted()).toEqual(known.toSorted());
  });
  // #endregion part:chaos

  it('names files and tests that exist', () => {
    const proofs = lines.flatMap((line) => proofsIn(line, 'docs')).filter(({ titles }) => titles.length > 0);
    expect(proofs.length).toBeGreaterThan(10);
    expect(proofs.flatMap((proof) => faultsOfProof(proof, files))).toEqual([]);
    expect(pathsIn(page, 'docs').filter((path) => !files.exists(path))).toEqual([]);
  });
});
