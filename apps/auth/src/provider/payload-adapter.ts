import { createHash } from 'node:crypto';
import { errors, type Adapter, type AdapterPayload } from 'oidc-provider';
import { type DataSource, IsNull } from 'typeorm';
import type { KeyCipher } from '../keys/key-cipher';
import { z } from 'zod';
import { OidcPayload } from './oidc-payload.entity';

/**
 * oidc-provider's storage on Postgres. Three things are stricter than its contract asks: `consume` lets exactly one of many
 * parallel callers through, and the losers revoke the grant (RFC 9700 section 4.14.2: a replayed code or refresh token may be stolen).
 * And who reads the database can use nothing of it: the id of a code, refresh token or session is what its holder presents, so it
 * is stored as a hash, and the payload, which repeats it, is sealed (RFC 6819 section 5.1.4.1.3).
 */
export class PayloadAdapter implements Adapter {
  constructor(
    private readonly model: string,
    private readonly dataSource: DataSource,
    private readonly cipher: KeyCipher,
    private readonly now: () => Date,
  ) {}

  async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
    // Postgres cannot store U+0000; whoever sends it gets a 400 instead of a server error.
    if (JSON.stringify(payload).includes('\\u0000'))
      throw new errors.InvalidRequest('parameters must not contain U+0000');
    // An interaction names the grant it may extend, but does not come of it.
    const grantId = this.model === 'Interaction' ? undefined : payload.grantId;
    const expiresAt = expiresIn === undefined ? null : new Date(this.now().getTime() + expiresIn * 1000);
    await this.dataSource.query(
      `INSERT INTO oidc_payload (model, id, payload, grant_id, user_code, uid, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, grant_id = excluded.grant_id,
         user_code = excluded.user_code, uid = excluded.uid, expires_at = excluded.expires_at`,
      [this.model, this.rowOf(id), this.seal(id, payload), grantId, payload.userCode, payload.uid, expiresAt],
    );
  }

  find(id: string): Promise<AdapterPayload | undefined> {
    return this.findBy({ id: this.rowOf(id) });
  }

  findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    return this.findBy({ userCode });
  }

  findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return this.findBy({ uid });
  }

  async consume(presented: string): Promise<void> {
    const id = this.rowOf(presented);
    const { affected } = await this.rows.update(
      { model: this.model, id, consumedAt: IsNull() },
      { consumedAt: this.now() },
    );
    if (affected === 1) return;
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

  private get rows() {
    return this.dataSource.getRepository(OidcPayload);
  }

  private async findBy(key: { readonly id: string } | { readonly userCode: string } | { readonly uid: string }) {
    if (Object.values(key).some((value) => value.includes('\u0000'))) return undefined;
    const row = await this.rows.findOneBy({ model: this.model, ...key });
    if (row === null || (row.expiresAt !== null && row.expiresAt <= this.now())) return undefined;
    const payload = this.open(row);
    return row.consumedAt === null
      ? payload
      : payload && { ...payload, consumed: Math.floor(row.consumedAt.getTime() / 1000) };
  }

  /** Grants are named by other rows and presented by nobody. Ids are random (RFC 6749 section 10.10), so that a plain hash is enough. */
  private rowOf(id: string): string {
    return this.model === 'Grant' ? id : createHash('sha256').update(id).digest('base64url');
  }

  private seal(id: string, payload: AdapterPayload): string {
    return JSON.stringify({ sealed: this.cipher.seal(JSON.stringify(payload), this.labelOf(this.rowOf(id))) });
  }

  /** Undefined for what was sealed with another key, or never: its holder signs in again. */
  private open({ id, payload }: OidcPayload): AdapterPayload | undefined {
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

const Sealed = z.object({ sealed: z.string() });
const AnyPayload = z.custom<AdapterPayload>((value) => typeof value === 'object' && value !== null);
