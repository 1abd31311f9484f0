import type { Part } from '../part';

export const fuzz: Part = {
  name: 'fuzz',
  goes: 'the hostile requests made from the OpenAPI document',
  paths: ['tools/verify/fuzz', 'tools/cli/commands/verify-fuzz.ts'],
  terms: ['fuzz'],
};
