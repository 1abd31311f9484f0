import type { Part } from '../part';

export const findings: Part = {
  name: 'findings',
  goes: 'scripts that show faults of libraries, for their maintainers',
  paths: ['findings'],
};
