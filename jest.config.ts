import { availableParallelism } from 'node:os';

// One run over all projects: `npm test` uses it, so that all suites share one Postgres and one NATS.
export default {
  // Two on two cores too: suites wait more than they compute. Not more than the test broker has accounts for (tools/devkit/stack/test-infrastructure.ts).
  maxWorkers: Math.min(8, Math.max(2, availableParallelism())),
  // Jest takes this from the outermost configuration only; jest.preset.js says the same for one project alone.
  testTimeout: 60_000,
  projects: [
    '<rootDir>/apps/*/jest.config.mjs',
    '<rootDir>/libs/*/jest.config.mjs',
    '<rootDir>/tools/*/jest.config.mjs',
  ],
};
