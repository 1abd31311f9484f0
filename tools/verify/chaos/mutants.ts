import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Caller } from '@rookery/contracts';
import { APPS } from '@rookery/devkit/stack/app-process';
import { repository } from '@rookery/devkit/stack/repository';

/** One protection taken out of the built apps: the product itself has no switch for it. */
export interface Mutant {
  readonly name: string;
  readonly what: string;
  readonly apps: readonly Caller[];
  /** Text of the bundle and what stands in its place; each must be there exactly once. */
  readonly changes: readonly (readonly [from: string, to: string])[];
  /** Faults under which the protection matters and the intact system keeps every invariant: what is found is the mutant's doing. */
  readonly faults: readonly [string, ...string[]];
  readonly seconds: number;
}

const CONSUMERS = ['orders', 'payments', 'products'] as const;

export const mutants: readonly Mutant[] = [
  {
    name: 'no-inbox',
    what: 'an event that comes again takes effect again',
    apps: CONSUMERS,
    changes: [['if (found === "due") {', 'if (found !== "too-early") {']],
    faults: ['redelivery'],
    seconds: 8,
  },
  {
    name: 'no-order-per-aggregate',
    what: 'events of one aggregate are handled as they come',
    apps: CONSUMERS,
    changes: [
      ['const tail = (this.tails.get(key) ?? Promise.resolve()).then(work);', 'const tail = work();'],
      ['WHERE skips_gap OR sequence = 1 OR', 'WHERE skips_gap IS NOT NULL OR sequence = 1 OR'],
    ],
    faults: ['database-crash'],
    seconds: 25,
  },
  {
    name: 'no-sweeper',
    what: 'nobody ends an order at its deadline',
    apps: ['orders'],
    changes: [['async sweep(stopping) {', 'async sweep(stopping) { return;']],
    faults: ['payments-away'],
    seconds: 5,
  },
  {
    name: 'no-idempotency-store',
    what: 'a key is not remembered',
    apps: ['orders'],
    changes: [
      ['AS answer WHERE expires_at > now()', 'AS answer WHERE false'],
      // Without its lock on the key, the second of two at the same time does not come again.
      ['SELECT pg_try_advisory_xact_lock(hashtextextended(name, 0)) AS claimed', 'SELECT true AS claimed'],
    ],
    faults: ['redelivery'],
    seconds: 8,
  },
  {
    name: 'no-conditional-stock-update',
    what: 'stock is taken without a look at how much there is',
    apps: ['products'],
    changes: [
      ['if (level.available < quantity) {', 'if (false) {'],
      // The database would still refuse it.
      [
        'async open(tx, productId, units) {',
        "async open(tx, productId, units) { await tx.query('ALTER TABLE stock DROP CONSTRAINT IF EXISTS stock_available_not_negative');",
      ],
      [' AND s.${sources[movement]} >= w.quantity`', '`'],
    ],
    faults: ['redelivery'],
    seconds: 25,
  },
  {
    name: 'no-compensation',
    what: 'a success that comes after the cancellation is kept',
    apps: ['payments'],
    changes: [
      [
        'this.recordStatus(outcome);\n    this.plan(now);',
        'this.recordStatus(outcome);\n    this.operation = null;\n    this.operationDueAt = null;',
      ],
    ],
    faults: ['redelivery'],
    seconds: 15,
  },
  {
    name: 'ack-before-handler',
    what: 'an event is acknowledged before it is handled',
    apps: CONSUMERS,
    changes: [['for (let failures = 0;', 'this.ack(delivery); for (let failures = 0;']],
    faults: ['service-crash', 'database-crash'],
    seconds: 25,
  },
];

/** Writes the built apps with the change in them to a folder of their own, and answers it. */
export function buildMutant({ name, apps, changes }: Mutant): string {
  const folder = join(repository, 'dist/mutants', name);
  rmSync(folder, { recursive: true, force: true });
  for (const app of APPS) {
    mkdirSync(join(folder, app), { recursive: true });
    const from = join(repository, 'dist/apps', app, 'main.js');
    const to = join(folder, app, 'main.js');
    if (apps.includes(app)) {
      writeFileSync(to, changed(name, readFileSync(from, 'utf8'), changes));
    } else {
      copyFileSync(from, to);
    }
  }
  return folder;
}

function changed(name: string, bundle: string, changes: Mutant['changes']): string {
  return changes.reduce((text, [from, to]) => {
    const parts = text.split(from);
    // A mutant that changes nothing would pass for a protection that is not needed.
    if (parts.length !== 2) {
      throw new Error(`mutant ${name}: found ${parts.length - 1} times, not once: ${from}`);
    }
    return parts.join(to);
  }, bundle);
}
