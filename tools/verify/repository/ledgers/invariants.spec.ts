import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { faults } from '../../chaos/faults/faults';
import { repository } from '@rookery/devkit/stack/repository';
import { pathsIn, proofsIn } from './markdown-proofs';
import { faultsOfProof } from './proofs';

const read = (path: string): string => readFileSync(join(repository, path), 'utf8');
const page = read('docs/invariants.md');
const chaos = read('tools/verify/chaos/invariants.ts');
const files = { exists: (path: string) => existsSync(join(repository, path)), read };

const cellsOf = (line: string): readonly string[] => line.split('|').map((cell) => cell.trim());
const lines = page.split('\n').filter((line) => line.startsWith('| '));
const invariants = lines
  .map(cellsOf)
  .filter(([, id = '']) => /^I\d+$/.test(id))
  .map(([, id = '', , checkedBy = '']) => ({ id, checkedBy }));
const reportedBy = (source: string): readonly string[] => [...source.matchAll(/\bI\d+\b/g)].map(([id]) => id);

describe('the page of invariants', () => {
  it('states I1 to I12, each once', () => {
    expect(invariants.map(({ id }) => id)).toEqual(Array.from({ length: 12 }, (_, index) => `I${index + 1}`));
  });

  it('states every invariant that a check reports', () => {
    const stated = new Set(invariants.map(({ id }) => id));
    const reported = [...reportedBy(chaos), ...reportedBy(read('tools/verify/simulation/invariants.ts'))];
    expect(reported.length).toBeGreaterThan(20);
    expect(reported.filter((id) => !stated.has(id))).toEqual([]);
  });

  it.each(invariants)('says of $id which function of the chaos checks reads it', ({ id, checkedBy }) => {
    expect(chaos).toContain(`'${id}'`);
    const named = [...checkedBy.matchAll(/`(?<name>\w+)`/g)].map(({ groups }) => groups?.['name'] ?? '');
    expect(named).not.toEqual([]);
    expect(named.filter((name) => !chaos.includes(`function ${name}(`))).toEqual([]);
  });

  it('states every fault of the chaos runs, with the time that it has to recover', () => {
    const stated = lines
      .map(cellsOf)
      .flatMap(([, name = '', , within = '']) => (/^`[\w-]+`$/.test(name) ? [`${name.slice(1, -1)} ${within}`] : []));
    const known = faults.map(({ name, recoversWithinMs }) => `${name} ${recoversWithinMs / 1_000} s`);
    expect(stated.toSorted()).toEqual(known.toSorted());
  });

  it('names files and tests that exist', () => {
    const proofs = lines.flatMap((line) => proofsIn(line, 'docs')).filter(({ titles }) => titles.length > 0);
    expect(proofs.length).toBeGreaterThan(10);
    expect(proofs.flatMap((proof) => faultsOfProof(proof, files))).toEqual([]);
    expect(pathsIn(page, 'docs').filter((path) => !files.exists(path))).toEqual([]);
  });
});
