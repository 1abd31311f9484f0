import { createHash } from 'node:crypto';
import { Clock } from '@rookery/platform';
import { limitedAddress } from '@rookery/resilience';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';

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
  constructor(
    private readonly dataSource: DataSource,
    private readonly clock: Clock,
  ) {}

  /** Counts an attempt. Answers the seconds to wait when it must not be tried now, else nothing. */
  async begin(person: string, address: string): Promise<number | undefined> {
    const waits = [
      await this.count(accountKey(person), FREE_FAILURES.account),
      await this.count(addressKey(address), FREE_FAILURES.address),
    ];
    const longest = Math.max(...waits);
    return longest > 0 ? longest : undefined;
  }

  /** The password was right: the account starts afresh; the address only gets its one attempt back, or an attacker could reset it with an own account. */
  async succeeded(person: string, address: string): Promise<void> {
    await this.dataSource.query(`DELETE FROM sign_in_failures WHERE subject = $1`, [accountKey(person)]);
    await this.dataSource.query(
      `UPDATE sign_in_failures SET failures = greatest(failures - 1, 0), blocked_until = least(blocked_until, $2) WHERE subject = $1`,
      [addressKey(address), this.clock.now()],
    );
  }

  async forgetOld(): Promise<void> {
    const before = new Date(this.clock.now().getTime() - FORGET_SECONDS * 1000);
    await this.dataSource.query(`DELETE FROM sign_in_failures WHERE last_at < $1`, [before]);
  }

  private async count(subject: string, free: number): Promise<number> {
    const now = this.clock.now();
    // While it is blocked, nothing changes: hammering does not lengthen the wait of the rightful owner.
    const counted = await this.dataSource.query<readonly { readonly subject: string }[]>(
      `INSERT INTO sign_in_failures AS f (subject, failures, last_at, blocked_until)
       VALUES ($1, 1, $2, 'epoch')
       ON CONFLICT (subject) DO UPDATE SET
         failures = f.failures + 1,
         last_at = $2,
         blocked_until = CASE WHEN f.failures + 1 < $3 THEN 'epoch'
           ELSE $2::timestamptz + make_interval(secs => least(power(2, least(f.failures + 1 - $3, 20)), $4)) END
       WHERE f.blocked_until <= $2
       RETURNING subject`,
      [subject, now, free, LONGEST_DELAY_SECONDS],
    );
    if (counted.length > 0) return 0;
    const [row] = await this.dataSource.query<readonly { readonly blocked_until: Date }[]>(
      `SELECT blocked_until FROM sign_in_failures WHERE subject = $1`,
      [subject],
    );
    return row === undefined ? 0 : Math.max(1, Math.ceil((row.blocked_until.getTime() - now.getTime()) / 1000));
  }
}

/** Hashed, so that the table holds no mail address of people who never had an account here, nor their network address. */
const accountKey = (person: string) => keyOf('account', person);
const addressKey = (address: string) => keyOf('address', limitedAddress(address));
const keyOf = (kind: string, value: string) => createHash('sha256').update(`${kind}:${value}`).digest('base64url');
