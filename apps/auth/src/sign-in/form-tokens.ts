import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';

const MODEL = 'FormToken';
/** Longest duration of a log-in. */
const LIFETIME_SECONDS = 60 * 60;

/**
 * One-time tokens of forms: a form is accepted once, and only from the page of the same interaction. Showing a page stores nothing:
 * its token is a MAC over the interaction and the number of its accepted forms. Only that count is stored, in one row per log-in.
 */
@Injectable()
export class FormTokens {
  private readonly key: Buffer;

  constructor(
    private readonly dataSource: DataSource,
    @Inject(AUTH_CONFIG) { KEY_ENCRYPTION_KEY }: AuthConfig,
  ) {
    this.key = createHmac('sha256', Buffer.from(KEY_ENCRYPTION_KEY, 'base64url')).update('form tokens').digest();
  }

  async issue(interactionUid: string): Promise<string> {
    return this.tokenOf(interactionUid, await this.taken(interactionUid)).toString('base64url');
  }

  /** True for exactly one of several parallel forms with the same token. */
  async redeem(interactionUid: string, token: string): Promise<boolean> {
    const taken = await this.taken(interactionUid);
    const wanted = this.tokenOf(interactionUid, taken);
    const given = Buffer.from(token, 'base64url');
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
      return false;
    }
    const counted = await this.dataSource.query<readonly unknown[]>(
      `INSERT INTO oidc_payload AS form (model, id, payload, expires_at)
       VALUES ($1, $2, jsonb_build_object('taken', $3::int + 1), now() + make_interval(secs => $4))
       ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at
       WHERE (form.payload->>'taken')::int = $3
       RETURNING 1`,
      [MODEL, rowOf(interactionUid), taken, LIFETIME_SECONDS],
    );
    return counted.length === 1;
  }

  private async taken(interactionUid: string): Promise<number> {
    const [row] = await this.dataSource.query<readonly { readonly taken: number }[]>(
      `SELECT (payload->>'taken')::int AS taken FROM oidc_payload WHERE model = $1 AND id = $2`,
      [MODEL, rowOf(interactionUid)],
    );
    return row?.taken ?? 0;
  }

  private tokenOf(interactionUid: string, taken: number): Buffer {
    return createHmac('sha256', this.key).update(`${interactionUid}.${taken}`).digest();
  }
}

const rowOf = (interactionUid: string): string => createHash('sha256').update(interactionUid).digest('base64url');
