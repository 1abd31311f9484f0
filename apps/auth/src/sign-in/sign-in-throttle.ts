import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { limitedAddress } from '@rookery/resilience';

/** Failures without a delay: people mistype. An address may be shared by many, and attempts in progress count too. */
const FREE_FAILURES = { account: 5, address: 100 } as const;
const LONGEST_DELAY_SECONDS = 15 * 60;
/** The count restarts after this time without an attempt. */
const FORGET_SECONDS = 24 * 60 * 60;

/**
 * Slows down guessing per account and per address: after the free failures each further one doubles the wait, up to 15 minutes. An
 * attempt is counted before its password is checked, so that parallel guesses cannot bypass the limit.
 */
@Injectable()
export class SignInThrottle {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Counts an attempt. Returns the seconds to wait if it is not allowed now, otherwise undefined. The address is checked first, and a
   * rejected attempt is not counted: a blocked attacker must not be able to block another person's sign-in.
   */
  async begin(person: string, address: string): Promise<number | undefined> {
    const transaction = this.dataSource.createQueryRunner();
    try {
      await transaction.startTransaction();
      const wait =
        (await count(transaction.manager, addressKey(address), FREE_FAILURES.address)) ??
        (await count(transaction.manager, accountKey(person), FREE_FAILURES.account));
      if (wait === undefined) {
        await transaction.commitTransaction();
      } else {
        await transaction.rollbackTransaction();
      }
      return wait;
    } catch (error) {
      if (transaction.isTransactionActive) {
        await transaction.rollbackTransaction();
      }
      throw error;
    } finally {
      await transaction.release();
    }
  }

  /**
   * Resets the account's count after a correct password. The address only regains one attempt; otherwise attackers could reset it with
   * an account of their own.
   */
  async succeeded(person: string, address: string): Promise<void> {
    await this.dataSource.query(`DELETE FROM sign_in_failures WHERE subject = $1`, [accountKey(person)]);
    await this.dataSource.query(
      `UPDATE sign_in_failures SET failures = greatest(failures - 1, 0), blocked_until = least(blocked_until, now()) WHERE subject = $1`,
      [addressKey(address)],
    );
  }

  async deleteExpired(): Promise<void> {
    await this.dataSource.query(`DELETE FROM sign_in_failures WHERE last_at < now() - make_interval(secs => $1)`, [
      FORGET_SECONDS,
    ]);
  }
}

/** Undefined if the attempt was counted, otherwise the seconds to wait. By the database's clock, so that replicas agree. */
async function count(transaction: EntityManager, subject: string, free: number): Promise<number | undefined> {
  // While blocked, nothing changes: further attempts do not lengthen the wait of the rightful owner.
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
  if (counted.length > 0) {
    return undefined;
  }
  const [row] = await transaction.query<readonly { readonly seconds: number }[]>(
    `SELECT ceil(extract(epoch FROM blocked_until - now()))::int AS seconds FROM sign_in_failures WHERE subject = $1`,
    [subject],
  );
  return Math.max(1, row?.seconds ?? 1);
}

/** Hashed, so that the table holds no e-mail address of people without an account, and no network address. */
const accountKey = (person: string) => keyOf('account', person);
const addressKey = (address: string) => keyOf('address', limitedAddress(address));
const keyOf = (kind: string, value: string) => createHash('sha256').update(`${kind}:${value}`).digest('base64url');
