import { errors, type Adapter, type AdapterPayload } from 'oidc-provider';
import { type DataSource, IsNull } from 'typeorm';
import { OidcPayload } from './oidc-payload.entity';

/**
 * oidc-provider's storage on Postgres. Two things are stricter than its contract asks: `consume` lets exactly one of many
 * parallel callers through, and the losers revoke the grant (RFC 9700 section 4.14.2: a replayed code or refresh token may be stolen).
 */
export class PayloadAdapter implements Adapter {
  constructor(
    private readonly model: string,
    private readonly dataSource: DataSource,
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
      [this.model, id, JSON.stringify(payload), grantId, payload.userCode, payload.uid, expiresAt],
    );
  }

  find(id: string): Promise<AdapterPayload | undefined> {
    return this.findBy({ id });
  }

  findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    return this.findBy({ userCode });
  }

  findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return this.findBy({ uid });
  }

  async consume(id: string): Promise<void> {
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
    await this.rows.delete({ model: this.model, id });
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
    return row.consumedAt === null
      ? row.payload
      : { ...row.payload, consumed: Math.floor(row.consumedAt.getTime() / 1000) };
  }
}
