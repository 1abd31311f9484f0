import { createHash } from 'node:crypto';
import { limitedAddress } from '@rookery/resilience';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';

/** Wrong passwords that cost nothing: people mistype. An address may be shared by many, and attempts in hand count too. */
const FREE_FAILURES = { account: 5, address: 100 } as const;
const LONGEST_DELAY_SECONDS = 15 * 60;
/** After so long without an attempt the count starts again. */
const FORGET_SECONDS = 24 * 60 * 60;

/**
 * Slows guessing per account and per address: after the free failures each further one doubles the wait, up to 15 minutes.
 * An attempt is counted before its password is checked, so that a thousand parallel guesses do not all slip through.
 */
@Injectable()
export class SignInThrottle {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Counts an attempt. Answers the seconds to wait when it must not be tried now, else nothing. The address is asked first, and an attempt
   * that is refused counts nowhere: who may not try himself must not keep another person from signing in.
   */
  async begin(person: string, address: string): Promise<number | undefined> {
    const transaction = this.dataSource.createQueryRunner();
    try {
      await transaction.startTransaction();
      const wait =
        (await count(transaction.manager, addressKey(address), FREE_FAILURES.address)) ??
        (await count(transaction.manager, accountKey(person), FREE_FAILURES.account));
      if (wait === undefined) await transaction.commitTransaction();
      else await transaction.rollbackTransaction();
      return wait;
    } catch (error) {
      if (transaction.isTransactionActive) await transaction.rollbackTransaction();
      throw error;
    } finally {
      await transaction.release();
    }
  }

  /** The password was right: the account starts afresh; the address only gets its one attempt back, or an attacker could reset it with an own account. */
  async succeeded(person: string, address: string): Promise<void> {
    await this.dataSource.query(`DELETE FROM sign_in_failures WHERE subject = $1`, [accountKey(person)]);
    await this.dataSource.query(
      `UPDATE sign_in_failures SET failures = greatest(failures - 1, 0), blocked_until = least(blocked_until, now()) WHERE subject = $1`,
      [addressKey(address)],
    );
  }

  async forgetOld(): Promise<void> {
    await this.dataSource.query(`DELETE FROM sign_in_failures WHERE last_at < now() - make_interval(secs => $1)`, [
      FORGET_SECONDS,
    ]);
  }
}

/** Undefined when it was counted, else the seconds to wait. Times are the database's: replicas need not agree about them. */
async function count(transaction: EntityManager, subject: string, free: number): Promise<number | undefined> {
  // While it is blocked, nothing changes: hammering does not lengthen the wait of the rightful owner.
  const counted = await transaction.query<readonly unknown[]>(
    `INSERT INTO sign_in_failures AS f (subject, failures, last_at, blocked_until)
     VALUES ($1, 1, now(), 'epoch')
     ON CONFLICT (subject) DO UPDATE SET
       failures = f.failures + 1,
       last_at = now(),
       blocked_until = CASE WHEN f.failures + 1 < $2 THEN 'epoch'
         ELSE now() + make_interval(secs => least(power(2, least(f.failures + 1 - $2, 20)), $3)) END
     WHERE f.blocked_until <= now()
     RETURNING subject`,
    [subject, free, LONGEST_DELAY_SECONDS],
  );
  if (counted.length > 0) return undefined;
  const [row] = await transaction.query<readonly { readonly seconds: number }[]>(
    `SELECT ceil(extract(epoch FROM blocked_until - now()))::int AS seconds FROM sign_in_failures WHERE subject = $1`,
    [subject],
  );
  return Math.max(1, row?.seconds ?? 1);
}

/** Hashed, so that the table holds no mail address of people who never had an account here, nor their network address. */
const accountKey = (person: string) => keyOf('account', person);
const addressKey = (address: string) => keyOf('address', limitedAddress(address));
const keyOf = (kind: string, value: string) => createHash('sha256').update(`${kind}:${value}`).digest('base64url');
