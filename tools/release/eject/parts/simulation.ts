import type { Part } from '../part';

export const simulation: Part = {
  name: 'simulation',
  goes: 'the saga of three services in memory, under schedules of fast-check',
  paths: ['tools/verify/simulation', 'tools/cli/commands/verify-simulation.ts'],
  terms: ['simulation'],
};
