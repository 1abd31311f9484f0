import { Clock } from '@rookery/platform';
import { Injectable } from '@nestjs/common';
import type { UnknownObject } from 'oidc-provider';
import { DataSource, MoreThan } from 'typeorm';
import { OidcPayload } from './oidc-payload.entity';

const MODEL = 'JwtAccessToken';

/**
 * Remembers issued JWT access tokens by `jti` until they expire. Resource servers verify them alone; this is for those
 * who ask the introspection endpoint, which answers truthfully also after the grant was revoked.
 */
@Injectable()
export class AccessTokenRegister {
  constructor(
    private readonly dataSource: DataSource,
    private readonly clock: Clock,
  ) {}

  async record(claims: UnknownObject, grantId: string | undefined): Promise<void> {
    const { jti, exp } = claims;
    if (typeof jti !== 'string' || typeof exp !== 'number') throw new Error('an access token needs jti and exp');
    await this.dataSource.query(
      `INSERT INTO oidc_payload (model, id, payload, grant_id, expires_at) VALUES ($1, $2, $3, $4, $5)`,
      [MODEL, jti, JSON.stringify(claims), grantId, new Date(exp * 1000)],
    );
  }

  /** False after expiry, revocation of the token, and revocation of its grant. */
  async isActive(jti: string): Promise<boolean> {
    const row = await this.rows.findOneBy({ model: MODEL, id: jti, expiresAt: MoreThan(this.clock.now()) });
    if (row === null) return false;
    return row.grantId === null || (await this.rows.existsBy({ model: 'Grant', id: row.grantId }));
  }

  async revoke(jti: string): Promise<void> {
    await this.rows.delete({ model: MODEL, id: jti });
  }

  private get rows() {
    return this.dataSource.getRepository(OidcPayload);
  }
}
