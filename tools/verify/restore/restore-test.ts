import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type Difference, Reconciliation, type Service } from '@rookery/contracts';
import { ApiClient } from '@rookery/devkit/client/api-client';
import { Random } from '@rookery/devkit/client/random';
import { addProducts, RetryingLoad } from '@rookery/devkit/client/retrying-load';
import { demoPassword } from '@rookery/devkit/client/sign-in';
import { violationsOf } from '@rookery/devkit/invariants/stack-world';
import { runJob } from '@rookery/devkit/stack/app-process';
import { IsolatedStack, ORDER_DEADLINE_SECONDS } from '@rookery/devkit/stack/isolated-stack';
import { drained } from '@rookery/devkit/stack/rest';
import { rowsOf, withDatabase } from '@rookery/devkit/stack/rows';
import type { Progress } from '@rookery/devkit/terminal/progress';
import { archivingTo, type Backup, lastRecovered, putBack, takeBackup } from './backup';
import { verdictOf } from './verdict';

export interface RestoreOptions {
  /** Whose database is lost. */
  readonly service: Service;
  /** Only the backup is left. */
  readonly loseWal?: boolean;
  /** Keeps the folder with databases and logs. */
  readonly keep?: boolean;
  /** Folder of the built apps. @default `dist/apps` */
  readonly apps?: string | undefined;
  readonly progress: Progress;
}

/** An order that a customer was promised and that is not there. */
export interface LostOrder {
  readonly id: string;
  /** What the others hold of it. */
  readonly others: string;
}

/** The result of a restore test; times in seconds. */
export interface RestoreResult {
  readonly service: Service;
  readonly loseWal: boolean;
  /** From the backup to the loss. */
  readonly backupAge: number;
  /** From the last transaction that the database has again to the last that it had. */
  readonly rpo: number;
  /** From the loss until the service was ready again. */
  readonly rto: number;
  /** How long each step of that took. */
  readonly steps: readonly (readonly [string, number])[];
  /** What was done beside the restore. */
  readonly recovered: readonly string[];
  /** Orders answered with 201. */
  readonly promised: number;
  readonly lost: readonly LostOrder[];
  /** Orders of which no customer was told: asked for again under a key that was forgotten. */
  readonly untold: number;
  /** Orders whose answer cannot be given again. */
  readonly forgottenKeys: number;
  /** Accounts that were answered with 201 and are gone. */
  readonly lostAccounts: readonly string[];
  readonly orders: Readonly<Record<string, number>>;
  readonly answers: Readonly<Record<string, number>>;
  readonly drainedAfter: number | undefined;
  /** What `reconcile` found. */
  readonly compared: number;
  readonly differences: readonly Difference[];
  /** Confirmed orders whose units went to others, see verdict.ts. */
  readonly undeliverable: readonly string[];
  /** Promises that did not hold. */
  readonly broken: readonly string[];
  readonly folder: string | undefined;
}

const RATE = 8;
const BEFORE_BACKUP_MS = 8_000;
const AFTER_BACKUP_MS = 15_000;
const LOAD_SECONDS = 35;
/** How soon a segment of WAL is archived that is not full: so much may be lost with the server. Usual are five minutes, which a test cannot wait. */
const ARCHIVE_SECONDS = 5;
const SETTLING_SECONDS = 3;
/**
 * Loses the database of a service under load, with its server's whole folder, and brings it back: base backup, archived WAL, what the streams
 * know, deliveries again. Then everything must be as if nothing had been, or be named.
 */
export async function restoreTest(options: RestoreOptions): Promise<RestoreResult> {
  const { service, loseWal = false, progress, keep = false } = options;
  const stack = await IsolatedStack.start({
    progress,
    apps: options.apps,
    databaseSettings: (owner, folder) => (owner === service ? archivingTo(archiveOf(folder), ARCHIVE_SECONDS) : {}),
    environment: { RECONCILIATION_SETTLING_SECONDS: String(SETTLING_SECONDS) },
  });
  try {
    return await new RestoreTest(stack, options).run();
  } finally {
    await progress.step('stopped', () => stack.stop({ keep }));
    if (keep) {
      progress.say(`kept after ${service}${loseWal ? ' without WAL' : ''}: ${stack.folder}`);
    }
  }
}

/** What the run saw, before it is judged. */
interface Seen extends Pick<RestoreResult, 'compared' | 'differences'> {
  readonly load: RetryingLoad;
  readonly secretTexts: readonly string[];
  /** How long the system took to come to rest; undefined when it did not. */
  readonly drainedMs: number | undefined;
  readonly times: Pick<RestoreResult, 'backupAge' | 'rpo' | 'rto'>;
}

const archiveOf = (folder: string): string => join(folder, 'archive');

class RestoreTest {
  private readonly steps: [string, number][] = [];
  private readonly recovered: string[] = [];
  private readonly accounts: string[] = [];

  constructor(
    private readonly stack: IsolatedStack,
    private readonly options: RestoreOptions,
  ) {}

  async run(): Promise<RestoreResult> {
    const { stack } = this;
    const { service, progress } = this.options;
    const startedAt = new Date();
    const customers = await Promise.all([ApiClient.signIn(stack, 'alice'), ApiClient.signIn(stack, 'bob')]);
    const operator = await ApiClient.signIn(stack, 'olga');
    const load = new RetryingLoad({
      customers,
      products: await addProducts(operator),
      rate: RATE,
      seconds: LOAD_SECONDS,
      random: new Random(1),
      answersWithinMs: 8_000,
    });
    const shopping = load.run();
    progress.say(`${RATE} orders/s for ${LOAD_SECONDS} s`);
    await this.register('before');
    await sleep(BEFORE_BACKUP_MS);
    const backup = await progress.step(`backup of ${service}`, () =>
      takeBackup(
        stack.superuserUrl(service),
        stack.dataFolder(service),
        archiveOf(stack.folder),
        join(stack.folder, 'backup'),
      ),
    );
    const backedUpAt = Date.now();
    await this.register('after');
    await sleep(AFTER_BACKUP_MS);
    const { provider, lastCommit } = await this.lose();
    const lostAt = Date.now();
    // As an operator does: the service is stopped before its database comes back with less than it knew.
    await stack.crash(service, 0, () => this.restore(backup, provider));
    const rto = (Date.now() - lostAt) / 1_000;
    progress.say(`${service} is ready again ${rto.toFixed(1)} s after the loss`);
    const recoveredTo = lastRecovered(stack.databaseLog(service)) ?? new Date(backedUpAt);
    await progress.step('the rest of the load', () => shopping);
    const drainedMs = await progress.step('everything comes to rest', () => drained(stack));
    await sleep(SETTLING_SECONDS * 1_000);
    const { compared, differences } = await progress.step('reconcile', () => reconcile(operator, startedAt));
    const rpo = Math.max(0, lastCommit.getTime() - recoveredTo.getTime()) / 1_000;
    const times = { backupAge: (lostAt - backedUpAt) / 1_000, rpo, rto };
    const secretTexts = [...customers, operator].flatMap(({ name, token }) => [token, demoPassword(name)]);
    return this.result({ load, secretTexts, drainedMs, compared, differences, times });
  }

  /** What the run showed: the invariants, the lost orders and accounts, and the verdict on them. */
  private async result(seen: Seen): Promise<RestoreResult> {
    const { stack } = this;
    const { service, loseWal = false, keep = false } = this.options;
    const { load, secretTexts, drainedMs, compared, differences, times } = seen;
    const violations = await violationsOf({ stack, load, poison: [], secretTexts, sweeperAwayMs: times.rto * 1_000 });
    const promised = new Set(load.placements.flatMap(({ orderIds }) => orderIds));
    const orders = await rowsOf<OrderRow>(
      stack,
      'orders',
      `SELECT id, lines, concat_ws(' ', status, reason) AS ending FROM orders`,
    );
    const known = new Set(orders.map(({ id }) => id));
    const lost = await this.othersHold([...promised].filter((id) => !known.has(id)));
    const lostAccounts = await this.accountsGone();
    const { broken, undeliverable } = verdictOf({
      service,
      cameToRest: drainedMs !== undefined,
      violations,
      differences,
      lost: new Set(lost.map(({ id }) => id)),
      orders,
    });
    return {
      service,
      loseWal,
      ...times,
      steps: this.steps,
      recovered: this.recovered,
      promised: promised.size,
      lost,
      untold: orders.filter(({ id }) => !promised.has(id)).length,
      forgottenKeys: violations.filter(({ invariant, what }) => invariant === 'I10' && /belongs to no key/.test(what))
        .length,
      lostAccounts,
      orders: countsOf(orders.map(({ ending }) => ending)),
      answers: Object.fromEntries([...load.statuses].toSorted(([a], [b]) => a.localeCompare(b))),
      drainedAfter: drainedMs === undefined ? undefined : drainedMs / 1_000,
      compared,
      differences,
      undeliverable,
      broken,
      folder: keep ? stack.folder : undefined,
    };
  }

  /** Kills the server and deletes all it had. */
  private async lose(): Promise<Lost> {
    const { stack } = this;
    const { service, loseWal = false } = this.options;
    await stack.databaseLink(service).cut();
    const provider =
      service === 'payments' ? await rowsOf<ChargeRow>(stack, 'payments', 'SELECT * FROM simulator.charges') : [];
    const lastCommit = await lastCommitOf(stack.superuserUrl(service));
    await stack.killDatabase(service);
    rmSync(stack.dataFolder(service), { recursive: true });
    if (loseWal) {
      rmSync(archiveOf(stack.folder), { recursive: true });
    }
    this.options.progress.say(`the database of ${service} is gone${loseWal ? ', and its archived WAL' : ''}`);
    return { provider, lastCommit };
  }

  private async restore(backup: Backup, provider: readonly ChargeRow[]): Promise<void> {
    const { stack } = this;
    const { service, loseWal = false } = this.options;
    await this.step('base backup put back and WAL recovered', async () => {
      const archive = archiveOf(stack.folder);
      const settings = putBack(backup, stack.dataFolder(service), loseWal ? backup.walFolder : archive);
      await stack.startDatabase(service, settings);
    });
    if (service === 'payments') {
      await this.step('the provider still knows its charges', () => this.keepLedger(provider));
    }
    await this.step('the recovery job', () => this.recover());
    await stack.databaseLink(service).mend();
  }

  /** As the Job in the cluster: the service's own settings, the broker's admin, the restored database. */
  private async recover(): Promise<void> {
    const { stack } = this;
    const { service, apps } = this.options;
    const env = { ...stack.recoveryEnv(service), RECOVERY_GRACE_SECONDS: String(ORDER_DEADLINE_SECONDS) };
    const said = await runJob(service, 'jobs/recover.js', env, { apps });
    this.recovered.push(...said.trim().split('\n'));
  }

  private async keepLedger(charges: readonly ChargeRow[]): Promise<void> {
    await withDatabase(this.stack.databaseUrl('payments'), async (client) => {
      await client.query('TRUNCATE simulator.charges');
      await client.query(
        'INSERT INTO simulator.charges SELECT * FROM jsonb_populate_recordset(NULL::simulator.charges, $1)',
        [JSON.stringify(charges)],
      );
    });
  }

  private async step(what: string, work: () => Promise<void>): Promise<void> {
    const since = Date.now();
    await this.options.progress.step(what, work);
    this.steps.push([what, (Date.now() - since) / 1_000]);
  }

  /** A few accounts, so that auth has something to lose. */
  private async register(when: string): Promise<void> {
    for (const number of [1, 2]) {
      const email = `${when}-${number}@example.com`;
      await new ApiClient(this.stack.gatewayUrl).post(z.unknown(), '/v1/accounts', { email, password: randomUUID() });
      this.accounts.push(email);
    }
  }

  private async accountsGone(): Promise<readonly string[]> {
    const rows = await rowsOf<{ email: string }>(this.stack, 'auth', 'SELECT email FROM users');
    const known = new Set(rows.map(({ email }) => email));
    return this.accounts.filter((account) => !known.has(account));
  }

  private async othersHold(ids: readonly string[]): Promise<readonly LostOrder[]> {
    if (ids.length === 0) {
      return [];
    }
    const list = ids.map((id) => `'${id}'`).join();
    const payments = await rowsOf<{ id: string; holds: string }>(
      this.stack,
      'payments',
      `SELECT order_id AS id, concat_ws(' ', 'payment', status, amount_minor) AS holds FROM payments WHERE order_id IN (${list})`,
    );
    const reservations = await rowsOf<{ id: string; holds: string }>(
      this.stack,
      'products',
      `SELECT id, concat_ws(' ', 'reservation', status) AS holds FROM reservations WHERE id IN (${list})`,
    );
    const held = [...payments, ...reservations];
    return ids.map((id) => ({
      id,
      others: held.flatMap((one) => (one.id === id ? [one.holds] : [])).join(', ') || 'no service holds anything',
    }));
  }
}

interface OrderRow {
  readonly id: string;
  readonly ending: string;
  readonly lines: readonly { readonly productId: string; readonly quantity: number }[];
}

type ChargeRow = Readonly<Record<string, unknown>>;

interface Lost {
  /** The provider's ledger, which is not ours to lose. */
  readonly provider: readonly ChargeRow[];
  readonly lastCommit: Date;
}

const lastCommitOf = (url: string): Promise<Date> =>
  withDatabase(url, async (client) => {
    const { rows } = await client.query<{ at: Date }>('SELECT timestamp AS at FROM pg_last_committed_xact()');
    return rows[0]?.at ?? new Date();
  });

/** As `npx rookery reconcile` does. */
async function reconcile(
  operator: ApiClient,
  since: Date,
): Promise<{ readonly compared: number; readonly differences: readonly Difference[] }> {
  const differences: Difference[] = [];
  let compared = 0;
  let body: object | null = { since: since.toISOString() };
  while (body !== null) {
    const part: Reconciliation = await operator.post(Reconciliation, '/v1/ops/reconciliations', body, 200);
    compared += part.orders;
    differences.push(...part.differences);
    body = part.next === null ? null : { after: part.next };
  }
  return { compared, differences };
}

function countsOf(names: readonly string[]): Record<string, number> {
  const counts = Map.groupBy(names, (name) => name);
  return Object.fromEntries([...counts].map(([name, all]) => [name, all.length]));
}
