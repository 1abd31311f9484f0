import { createHash } from 'node:crypto';
import { errors, Provider, type Adapter, type AdapterPayload } from 'oidc-provider';
import type { DataSource } from 'typeorm';
import type { KeyCipher } from '../keys/key-cipher';
import { z } from 'zod';
import { OidcPayload } from './oidc-payload.entity';
import { refuseUnknownResource } from './requested-resource';

/** How long a device waits between two polls, and how much longer after each that came too soon (RFC 8628, 3.2 and 3.5). */
export const POLL_SECONDS = 5;
const LONGEST_POLL_SECONDS = 60;
/** Timers of devices and networks are not exact. */
const POLL_SLACK_SECONDS = 0.5;
/** What a request that anybody may send leaves behind: enough for all parameters that clients really use. */
const LARGEST_ANONYMOUS_BYTES = 16_384;
/** What is kept for who has not signed in yet. */
const ANONYMOUS_MODELS: readonly string[] = ['Interaction', 'DeviceCode'];

/**
 * oidc-provider's storage on Postgres. Four things are stricter than its contract asks: `consume` lets exactly one of many
 * parallel callers through, and the losers revoke the grant (RFC 9700 section 4.14.2: a replayed code or refresh token may be stolen).
 * Who reads the database can use nothing of it: the id of a code, refresh token or session is what its holder presents, so it
 * is stored as a hash, and the payload, which repeats it, is sealed (RFC 6819 section 5.1.4.1.3). And what expires does so by the
 * database's clock: replicas need not agree about the time.
 */
export class PayloadAdapter implements Adapter {
  constructor(
    private readonly model: string,
    private readonly dataSource: DataSource,
    private readonly cipher: KeyCipher,
  ) {}

  async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
    const text = JSON.stringify(payload);
    // Postgres cannot store U+0000; whoever sends it gets a 400 instead of a server error.
    if (text.includes('\\u0000')) throw new errors.InvalidRequest('parameters must not contain U+0000');
    if (ANONYMOUS_MODELS.includes(this.model) && Buffer.byteLength(text) > LARGEST_ANONYMOUS_BYTES)
      throw new errors.InvalidRequest('the parameters are too long');
    // An interaction names the grant it may extend, but does not come of it.
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
    refuseUnknownResource(Provider.ctx);
    const id = this.rowOf(presented);
    const used = await this.dataSource.query<readonly [readonly unknown[], number]>(
      `UPDATE oidc_payload SET consumed_at = now() WHERE model = $1 AND id = $2 AND consumed_at IS NULL`,
      [this.model, id],
    );
    if (used[1] === 1) return;
    const row = await this.rows.findOneBy({ model: this.model, id });
    if (row?.grantId) await this.revokeByGrantId(row.grantId);
    throw new errors.InvalidGrant('already used');
  }

  async destroy(id: string): Promise<void> {
    await this.rows.delete({ model: this.model, id: this.rowOf(id) });
  }

  /** Removes all that came of the grant, and the grant: what is issued from it later in a lost race is worth nothing. */
  async revokeByGrantId(grantId: string): Promise<void> {
    await this.dataSource.query(`DELETE FROM oidc_payload WHERE grant_id = $1 OR (model = 'Grant' AND id = $1)`, [
      grantId,
    ]);
  }

  /** Notes that a device asked. Whether it did so too soon after it asked before, at any replica; then it has to wait longer from now on. */
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
    if (value.includes('\u0000')) return undefined;
    const [row] = await this.dataSource.query<readonly KeptRow[]>(
      `SELECT id, payload, consumed_at, extract(epoch FROM expires_at - now())::float8 AS seconds_left FROM oidc_payload
       WHERE model = $1 AND ${column} = $2 AND (expires_at IS NULL OR expires_at > now())`,
      [this.model, value],
    );
    const payload = row && this.open(row.id, row.payload);
    if (row === undefined || payload === undefined) return undefined;
    return { ...payload, ...expiryHere(row.seconds_left), ...consumption(row.consumed_at) };
  }

  /** Grants are named by other rows and presented by nobody. Ids are random (RFC 6749 section 10.10), so that a plain hash is enough. */
  private rowOf(id: string): string {
    return this.model === 'Grant' ? id : createHash('sha256').update(id).digest('base64url');
  }

  private seal(id: string, text: string): string {
    return JSON.stringify({ sealed: this.cipher.seal(text, this.labelOf(this.rowOf(id))) });
  }

  /** Undefined for what was sealed with another key, or never: its holder signs in again. */
  private open(id: string, payload: unknown): AdapterPayload | undefined {
    const { success, data } = Sealed.safeParse(payload);
    if (!success) return undefined;
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

interface KeptRow {
  readonly id: string;
  readonly payload: unknown;
  readonly consumed_at: Date | null;
  readonly seconds_left: number | null;
}

/** The library compares with this process's clock, so the end is told by it: what the database says is left, and no second more. */
const expiryHere = (secondsLeft: number | null) =>
  secondsLeft === null ? {} : { exp: Math.floor(Date.now() / 1000) + Math.floor(secondsLeft) };

const consumption = (at: Date | null) => (at === null ? {} : { consumed: Math.floor(at.getTime() / 1000) });

const Sealed = z.object({ sealed: z.string() });
const AnyPayload = z.custom<AdapterPayload>((value) => typeof value === 'object' && value !== null);
