import { createHash, randomBytes } from 'node:crypto';
import { Clock } from '@rookery/platform';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { OidcPayload } from '../provider/oidc-payload.entity';

const MODEL = 'FormToken';
const LIFETIME_SECONDS = 60 * 60;

/** One-time tokens in the forms: a form is taken once, and only from the page that was shown for this very interaction. */
@Injectable()
export class FormTokens {
  constructor(
    private readonly dataSource: DataSource,
    private readonly clock: Clock,
  ) {}

  async issue(interactionUid: string): Promise<string> {
    const token = randomBytes(32).toString('base64url');
    const expiresAt = new Date(this.clock.now().getTime() + LIFETIME_SECONDS * 1000);
    await this.rows.insert({ model: MODEL, id: digest(token, interactionUid), payload: {}, expiresAt });
    return token;
  }

  async redeem(interactionUid: string, token: string): Promise<boolean> {
    const { affected } = await this.rows.delete({ model: MODEL, id: digest(token, interactionUid) });
    return affected === 1;
  }

  private get rows() {
    return this.dataSource.getRepository(OidcPayload);
  }
}

const digest = (token: string, interactionUid: string) =>
  createHash('sha256').update(`${interactionUid}.${token}`).digest('base64url');
