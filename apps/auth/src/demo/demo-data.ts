import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type Role, Scopes } from '@rookery/contracts';
import { AccountService } from '../account/account.service';
import { User } from '../account/user.entity';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import type { ClientMetadataRow } from '../clients/oauth-client.entity';
import { KeyCipher } from '../keys/key-cipher';

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
const ALL_SCOPES = Object.keys(Scopes).join(' ');

const USERS: readonly { readonly username: string; readonly name: string; readonly roles: readonly Role[] }[] = [
  { username: 'alice', name: 'Alice Adler', roles: ['customer'] },
  { username: 'bob', name: 'Bob Bussard', roles: ['customer'] },
  { username: 'olga', name: 'Olga Operator', roles: ['operator'] },
];

/** Users and clients of the demo. The configuration allows DEMO only with an issuer on the loopback address. */
@Injectable()
export class DemoData implements OnModuleInit {
  constructor(
    @Inject(AUTH_CONFIG) private readonly config: AuthConfig,
    private readonly dataSource: DataSource,
    private readonly accounts: AccountService,
    private readonly cipher: KeyCipher,
  ) {}

  async onModuleInit(): Promise<void> {
    if (!this.config.DEMO) {
      return;
    }
    await Promise.all([
      ...USERS.map((user) => this.addUser(user)),
      ...this.clients().map((client) => this.putClient(client)),
    ]);
  }

  private async addUser({ username, name, roles }: (typeof USERS)[number]): Promise<void> {
    const users = this.dataSource.getRepository(User);
    if (await users.existsBy({ username })) {
      return;
    }
    const [email, password] = [`${username}@example.com`, `${username}-demo-password`];
    await this.accounts.create({ email, username, name, password, roles });
  }

  /** Updated from code and settings at each start. */
  private async putClient({ clientId, secret, metadata }: DemoClient): Promise<void> {
    const sealedSecret = secret === undefined ? null : this.cipher.seal(secret, clientId);
    await this.dataSource.query(
      `INSERT INTO oauth_clients (client_id, metadata, sealed_secret) VALUES ($1, $2, $3)
       ON CONFLICT (client_id) DO UPDATE SET metadata = excluded.metadata, sealed_secret = excluded.sealed_secret`,
      [clientId, JSON.stringify(metadata), sealedSecret],
    );
  }

  private clients(): readonly DemoClient[] {
    const gateways = loopbackVariants(this.config.GATEWAY_URL);
    return [
      {
        clientId: 'rookery-swagger',
        metadata: {
          client_name: 'Rookery API explorer',
          application_type: 'web',
          token_endpoint_auth_method: 'none',
          grant_types: ['authorization_code', 'refresh_token'],
          response_types: ['code'],
          redirect_uris: gateways.map((gateway) => `${gateway}/docs/oauth2-redirect.html`),
          post_logout_redirect_uris: gateways.map((gateway) => `${gateway}/docs`),
          api_scope: ALL_SCOPES,
          first_party: false,
        },
      },
      {
        clientId: 'rookery-cli',
        metadata: {
          client_name: 'Rookery command line',
          application_type: 'native',
          token_endpoint_auth_method: 'none',
          grant_types: ['authorization_code', 'refresh_token', DEVICE_CODE],
          response_types: ['code'],
          redirect_uris: ['http://127.0.0.1:8976/callback'],
          post_logout_redirect_uris: ['http://127.0.0.1:8976/signed-out'],
          api_scope: ALL_SCOPES,
          first_party: true,
        },
      },
      {
        clientId: 'rookery-machine',
        secret: this.config.DEMO_MACHINE_SECRET,
        metadata: {
          client_name: 'Rookery machine',
          token_endpoint_auth_method: 'client_secret_basic',
          grant_types: ['client_credentials'],
          response_types: [],
          redirect_uris: [],
          api_scope: 'orders:read orders:write catalog:write',
          first_party: true,
        },
      },
    ];
  }
}

interface DemoClient {
  readonly clientId: string;
  readonly secret?: string;
  readonly metadata: ClientMetadataRow;
}

/** Browsers call this machine both `localhost` and `127.0.0.1`. */
function loopbackVariants(url: string): string[] {
  const hosts = ['localhost', '127.0.0.1'];
  const { hostname } = new URL(url);
  if (!hosts.includes(hostname)) {
    return [url];
  }
  return hosts.map((host) => url.replace(`//${hostname}`, `//${host}`));
}
