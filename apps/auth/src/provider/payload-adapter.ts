import { createHash } from 'node:crypto';
import { type Adapter, type AdapterPayload, errors, Provider } from 'oidc-provider';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import type { KeyCipher } from '../keys/key-cipher';
import { OidcPayload } from './oidc-payload.entity';
import { rejectUnknownResource } from './requested-resource';

/** Polling interval of a device, and its extension after each early poll (RFC 8628, 3.2 and 3.5). */
export const POLL_SECONDS = 5;
const LONGEST_POLL_SECONDS = 60;
/** Tolerance for inexact timers and network delays. */
const POLL_SLACK_SECONDS = 0.5;
/** Largest payload that an unauthenticated request may store; enough for all parameters that clients use. */
const LARGEST_ANONYMOUS_BYTES = 16_384;
/** Models that are stored before a sign-in. */
const ANONYMOUS_MODELS: readonly string[] = ['Interaction', 'DeviceCode'];

/**
 * oidc-provider's storage on Postgres. It is stricter than the library's contract in these points:
 *
 * - `consume` succeeds for exactly one of many parallel callers, and the others revoke the grant (RFC 9700 section 4.14.2: a replayed
 *   code or refresh token may be stolen).
 * - A leaked database is useless: the id of a code, refresh token or session is a secret of its holder, so it is stored as a hash, and
 *   the payload, which repeats it, is encrypted (RFC 6819 section 5.1.4.1.3).
 * - Rows expire by the database's clock, so that replicas agree.
 */
export class PayloadAdapter implements Adapter {
  constructor(
    private readonly model: string,
    private readonly dataSource: DataSource,
    private readonly cipher: KeyCipher,
  ) {}

  async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
    const text = JSON.stringify(payload);
    // Postgres cannot store U+0000; such a request is answered with 400 instead of a server error.
    if (text.includes('\\u0000')) {
      throw new errors.InvalidRequest('parameters must not contain U+0000');
    }
    if (ANONYMOUS_MODELS.includes(this.model) && Buffer.byteLength(text) > LARGEST_ANONYMOUS_BYTES) {
      throw new errors.InvalidRequest('the parameters are too long');
    }
    // An interaction names the grant that it may extend, but does not belong to it.
    const grantId = this.model === 'Interaction' ? undefined : payload.grantId;
    await this.dataSource.query(
      `INSERT INTO oidc_payload (model, id, payload, grant_id, user_code, uid, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
       ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, grant_id = excluded.grant_id,
         user_code = excluded.user_code, uid = excluded.uid, expires_at = excluded.expires_at`,
      [this.model, this.rowOf(id), this.seal(id, text), grantId, payload.userCode, payload.uid, expiresIn ?? null],
    );
  }

  find(id: string): Promise<AdapterPayload | undefined> {
    return this.findBy('id', this.rowOf(id));
  }

  findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    return this.findBy('user_code', userCode);
  }

  findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return this.findBy('uid', uid);
  }

  async consume(presented: string): Promise<void> {
    rejectUnknownResource(Provider.ctx);
    const id = this.rowOf(presented);
    const used = await this.dataSource.query<readonly [readonly unknown[], number]>(
      `UPDATE oidc_payload SET consumed_at = now() WHERE model = $1 AND id = $2 AND consumed_at IS NULL`,
      [this.model, id],
    );
    if (used[1] === 1) {
      return;
    }
    const row = await this.rows.findOneBy({ model: this.model, id });
    if (row?.grantId) {
      await this.revokeByGrantId(row.grantId);
    }
    throw new errors.InvalidGrant('already used');
  }

  async destroy(id: string): Promise<void> {
    await this.rows.delete({ model: this.model, id: this.rowOf(id) });
  }

  /** Removes the grant and everything issued from it. Tokens that a lost race issues later are then invalid. */
  async revokeByGrantId(grantId: string): Promise<void> {
    await this.dataSource.query(`DELETE FROM oidc_payload WHERE grant_id = $1 OR (model = 'Grant' AND id = $1)`, [
      grantId,
    ]);
  }

  /** Records a poll of a device. True if it came too early after the previous one, at any replica; the interval is then extended. */
  async isPolledTooSoon(presented: string): Promise<boolean> {
    const [rows] = await this.dataSource.query<readonly [readonly { readonly early: boolean }[], number]>(
      `UPDATE oidc_payload AS code SET polled_at = now(),
         poll_seconds = CASE WHEN last.early THEN least(last.seconds + $3::int, $4::int) ELSE last.seconds END
       FROM (SELECT model, id, coalesce(poll_seconds, $3::int) AS seconds,
               coalesce(polled_at > now() - make_interval(secs => coalesce(poll_seconds, $3::int) - $5::float8), false) AS early
             FROM oidc_payload WHERE model = $1 AND id = $2 FOR UPDATE) AS last
       WHERE code.model = last.model AND code.id = last.id
       RETURNING last.early`,
      [this.model, this.rowOf(presented), POLL_SECONDS, LONGEST_POLL_SECONDS, POLL_SLACK_SECONDS],
    );
    return rows[0]?.early === true;
  }

  private get rows() {
    return this.dataSource.getRepository(OidcPayload);
  }

  private async findBy(column: 'id' | 'user_code' | 'uid', value: string): Promise<AdapterPayload | undefined> {
    if (value.includes('\u0000')) {
      return undefined;
    }
    const [row] = await this.dataSource.query<readonly StoredRow[]>(
      `SELECT id, payload, consumed_at, extract(epoch FROM expires_at - now())::float8 AS seconds_left FROM oidc_payload
       WHERE model = $1 AND ${column} = $2 AND (expires_at IS NULL OR expires_at > now())`,
      [this.model, value],
    );
    const payload = row && this.open(row.id, row.payload);
    if (row === undefined || payload === undefined) {
      return undefined;
    }
    return { ...payload, ...expiryHere(row.seconds_left), ...consumption(row.consumed_at) };
  }

  /** Grants are referenced by other rows and never presented. Ids are random (RFC 6749 section 10.10), so a plain hash suffices. */
  private rowOf(id: string): string {
    return this.model === 'Grant' ? id : createHash('sha256').update(id).digest('base64url');
  }

  private seal(id: string, text: string): string {
    return JSON.stringify({ sealed: this.cipher.seal(text, this.labelOf(this.rowOf(id))) });
  }

  /** Undefined for a payload that was not encrypted with this key: its holder signs in again. */
  private open(id: string, payload: unknown): AdapterPayload | undefined {
    const { success, data } = Sealed.safeParse(payload);
    if (!success) {
      return undefined;
    }
    try {
      return AnyPayload.parse(JSON.parse(this.cipher.open(data.sealed, this.labelOf(id))));
    } catch {
      return undefined;
    }
  }

  private labelOf(row: string): string {
    return `${this.model} ${row}`;
  }
}

interface StoredRow {
  readonly id: string;
  readonly payload: unknown;
  readonly consumed_at: Date | null;
  readonly seconds_left: number | null;
}

/** The library uses this process's clock, so the expiry is converted to it: the time left by the database, rounded down. */
const expiryHere = (secondsLeft: number | null) =>
  secondsLeft === null ? {} : { exp: Math.floor(Date.now() / 1000) + Math.floor(secondsLeft) };

const consumption = (at: Date | null) => (at === null ? {} : { consumed: Math.floor(at.getTime() / 1000) });

const Sealed = z.object({ sealed: z.string() });
const AnyPayload = z.custom<AdapterPayload>((value) => typeof value === 'object' && value !== null);
