import type { Part } from '../part';

export const bench: Part = {
  name: 'bench',
  goes: 'the benches of throughput, latency and cost, with their results',
  paths: [
    'tools/verify/bench',
    'tools/cli/commands/verify-bench.ts',
    'docs/benchmarks.md',
    'docs/performance.md',
    'docs/cost.md',
    'docs/scale.md',
    'docs/results/2026-11-25-cost.md',
    'docs/results/2026-11-25-relay.md',
    'docs/results/2026-11-29-overload.md',
    'docs/results/*-bench-*.md',
  ],
  scripts: ['bench'],
  packages: ['nats'],
  elements: [{ file: 'knip.json', array: 'ignoreDependencies', containing: '"nats"' }],
  terms: ['bench(?:es|marks?)?'],
};
