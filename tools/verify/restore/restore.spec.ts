import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastRecovered } from './backup';
import { markdownOf } from './report';
import type { RestoreResult } from './restore-test';

describe('the time that a recovery came to', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'rookery-restore-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const saidBy = (log: string): string | undefined => {
    writeFileSync(join(folder, 'log'), log);
    return lastRecovered(join(folder, 'log'))?.toISOString();
  };

  it.each([
    ['2026-11-25 14:44:13.25+00', '2026-11-25T14:44:13.250Z'],
    ['2026-11-25 20:14:13.25+05:30', '2026-11-25T14:44:13.250Z'],
  ])('is read from %s, of the newest recovery', (time, expected) => {
    const line = (at: string): string => `… LOG:  last completed transaction was at log time ${at}\n… LOG:  ready\n`;
    expect(saidBy(line('2026-11-24 01:00:00+00') + line(time))).toBe(expected);
  });

  it('is not known where nothing was recovered', () => {
    expect(saidBy('… LOG:  ready\n')).toBeUndefined();
  });
});

describe('the report of a restore test', () => {
  const good: RestoreResult = {
    service: 'orders',
    loseWal: true,
    backupAge: 20,
    rpo: 19.5,
    rto: 7,
    steps: [['base backup put back and WAL recovered', 4]],
    recovered: ['from the stream: 3 orders recreated'],
    promised: 9,
    lost: [],
    untold: 0,
    forgottenKeys: 3,
    lostAccounts: [],
    orders: { Confirmed: 9 },
    answers: { '201': 9 },
    drainedAfter: 1,
    compared: 9,
    differences: [],
    undeliverable: [],
    broken: [],
    folder: undefined,
  };

  it('tells RPO and RTO, and that no promise was broken', () => {
    expect(markdownOf(good)).toContain('**RPO 19.5 s** of the database, **RTO 7.0 s**');
    expect(markdownOf(good)).toContain('No promise was broken.');
  });

  it('names each order that is lost with what the others hold, and each broken promise', () => {
    const bad = { ...good, lost: [{ id: 'order-1', others: 'payment Captured 500' }], broken: ['I1: still Pending'] };
    expect(markdownOf(bad)).toContain('order order-1: payment Captured 500');
    expect(markdownOf(bad)).toContain('- I1: still Pending');
    expect(markdownOf(bad)).not.toContain('No promise was broken.');
  });
});
