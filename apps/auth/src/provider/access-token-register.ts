import { Injectable } from '@nestjs/common';
import type { UnknownObject } from 'oidc-provider';
import { DataSource } from 'typeorm';
import { OidcPayload } from './oidc-payload.entity';

const MODEL = 'JwtAccessToken';

/**
 * Stores the `jti` of issued JWT access tokens until they expire. Resource servers verify tokens on their own; the register serves the
 * introspection endpoint, so that its answer is correct after the grant was revoked.
 */
@Injectable()
export class AccessTokenRegister {
  constructor(private readonly dataSource: DataSource) {}

  async record(claims: UnknownObject, grantId: string | undefined): Promise<void> {
    const { jti, iat, exp } = claims;
    if (typeof jti !== 'string' || typeof iat !== 'number' || typeof exp !== 'number') {
      throw new Error('an access token needs jti, iat and exp');
    }
    // The lifetime by the database's clock: this process's clock may be wrong.
    await this.dataSource.query(
      `INSERT INTO oidc_payload (model, id, payload, grant_id, expires_at)
       VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))`,
      [MODEL, jti, JSON.stringify(claims), grantId, exp - iat],
    );
  }

  /** False after expiry, revocation of the token, and revocation of its grant. */
  async isActive(jti: string): Promise<boolean> {
    const found = await this.dataSource.query<readonly unknown[]>(
      `SELECT 1 FROM oidc_payload AS token WHERE model = $1 AND id = $2 AND expires_at > now()
         AND (grant_id IS NULL OR (SELECT true FROM oidc_payload WHERE model = 'Grant' AND id = token.grant_id LIMIT 1))`,
      [MODEL, jti],
    );
    return found.length > 0;
  }

  async revoke(jti: string): Promise<void> {
    await this.rows.delete({ model: MODEL, id: jti });
  }

  private get rows() {
    return this.dataSource.getRepository(OidcPayload);
  }
}
