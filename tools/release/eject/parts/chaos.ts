import type { Part } from '../part';

export const chaos: Part = {
  name: 'chaos',
  goes: 'the chaos runs with their faults and mutants',
  paths: [
    'tools/verify/chaos',
    'tools/cli/commands/verify-chaos.ts',
    'tools/cli/commands/verify-mutants.ts',
    'docs/results/2026-11-26-chaos.md',
  ],
  scripts: ['chaos'],
  terms: ['chaos', 'mutants?'],
};
