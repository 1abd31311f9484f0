import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeReport } from './store-report';

describe('the report of a run', () => {
  const root = mkdtempSync(join(tmpdir(), 'rookery-results-'));
  afterAll(() => {
    rmSync(root, { recursive: true });
  });
  const report = {
    kind: 'bench',
    name: 'relay',
    json: { rows: 1 },
    markdown: '# The relay\n\n| a | bb |\n| --- | ---: |\n| 1 | 2 |\n',
  };
  const now = new Date('2026-11-30T12:00:00.000Z');

  it('is stored as data and as text', async () => {
    expect(await storeReport(report, { root, record: false, now })).toEqual(['.data/bench/relay.md']);
    expect(JSON.parse(readFileSync(join(root, '.data/bench/relay.json'), 'utf8'))).toEqual({ rows: 1 });
    expect(readdirSync(root)).toEqual(['.data']);
  });

  it('is a page of the results when it is recorded, formatted, with date, commit and machine', async () => {
    const page = 'docs/results/2026-11-30-bench-relay.md';
    expect(await storeReport(report, { root, record: true, now })).toEqual(['.data/bench/relay.md', page]);
    expect(readFileSync(join(root, page), 'utf8')).toMatch(
      /^# The relay\n\n2026-11-30T12:00:00.000Z, commit unknown, \d+ cores of .+, Node \d+\.\d+\.\d+\.\n\n\| a {3}\| {2}bb \|\n\| --- \| --: \|\n\| 1 {3}\| {3}2 \|\n$/,
    );
  });
});
