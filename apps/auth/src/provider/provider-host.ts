import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { type AdapterFactory, type Configuration, type JWK, Provider } from 'oidc-provider';
import { DataSource } from 'typeorm';
import { logger } from '@rookery/platform';
import { AccountService } from '../account/account.service';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import { ClientAdapter } from '../clients/client-adapter';
import { KeyCipher } from '../keys/key-cipher';
import { SigningKeys } from '../keys/signing-keys';
import { AccessTokenRegister } from './access-token-register';
import { AnonymousSessions } from './anonymous-sessions';
import { announcePollInterval, paceDevices } from './device-polls';
import { completeDiscovery } from './discovery';
import { dressFormPosts } from './form-post';
import { FrontDoor } from './front-door';
import { refuseLostSessions } from './lost-session';
import { PayloadAdapter } from './payload-adapter';
import { answerTheRest, reportFailures } from './provider-errors';
import { providerConfiguration } from './provider.configuration';
import { answerWhenSignedOut } from './signed-out';
import { serveStructuredTokens } from './structured-tokens';
import { TokenStanding } from './token-standing';

const KEY_POLL_MS = 2_000;

interface Running {
  readonly provider: Provider;
  readonly handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  readonly keys: string;
}

/**
 * Runs oidc-provider. Its key set is fixed at construction, so a changed key set leads to a new instance, which takes over with the
 * next request. Requests in progress finish on the old one. All state is in the database, so the change is invisible.
 */
@Injectable()
export class ProviderHost implements OnModuleInit, OnModuleDestroy {
  private current: Running | undefined;
  private poll: NodeJS.Timeout | undefined;
  private readonly anonymous: AnonymousSessions;

  constructor(
    @Inject(AUTH_CONFIG) private readonly config: AuthConfig,
    private readonly dataSource: DataSource,
    private readonly accounts: AccountService,
    private readonly signingKeys: SigningKeys,
    private readonly cipher: KeyCipher,
    private readonly register: AccessTokenRegister,
    private readonly door: FrontDoor,
  ) {
    this.anonymous = new AnonymousSessions(cipher, config.OIDC_ISSUER.startsWith('https:'));
  }

  async onModuleInit(): Promise<void> {
    await this.signingKeys.ensureActive();
    await this.refresh();
    this.poll = setInterval(() => {
      this.refresh().catch((error: unknown) => logger.warn({ err: error }, 'could not check for new signing keys'));
    }, KEY_POLL_MS);
  }

  onModuleDestroy(): void {
    clearInterval(this.poll);
  }

  get provider(): Provider {
    return this.running.provider;
  }

  /** Answers a request that the front door has admitted. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.running.handle(request, response);
  }

  /** Adopts the key set that is in the database now. */
  async refresh(): Promise<void> {
    const keys = await this.signingKeys.fingerprint();
    if (keys === this.current?.keys) {
      return;
    }
    this.current = { ...(await this.build()), keys };
  }

  private get running(): Running {
    if (this.current === undefined) {
      throw new Error('the provider is not started');
    }
    return this.current;
  }

  private async build(): Promise<Omit<Running, 'keys'>> {
    const keys = await this.signingKeys.load();
    const clients = new ClientAdapter(this.dataSource, this.cipher);
    const standing = new TokenStanding(clients, this.accounts);
    const configuration = this.configuration(keys, clients, standing);
    const provider = new Provider(this.config.OIDC_ISSUER, configuration);
    // The front door has rewritten every request to the issuer.
    provider.proxy = true;
    reportFailures(provider);
    answerTheRest(provider);
    this.anonymous.follow(provider);
    completeDiscovery(provider, (request) => this.door.insideOf(request));
    refuseLostSessions(provider);
    dressFormPosts(provider);
    answerWhenSignedOut(provider);
    announcePollInterval(provider);
    serveStructuredTokens({ provider, keys, register: this.register, standing });
    return { provider, handle: provider.callback() };
  }

  private configuration(keys: readonly JWK[], clients: ClientAdapter, standing: TokenStanding): Configuration {
    const rows = (model: string) => new PayloadAdapter(model, this.dataSource, this.cipher);
    const adapter: AdapterFactory = (model) => {
      switch (model) {
        case 'Client':
          return clients;
        case 'Session':
          return this.anonymous.adapter(rows(model));
        case 'DeviceCode':
          return paceDevices(rows(model));
        default:
          return rows(model);
      }
    };
    return providerConfiguration({
      issuer: this.config.OIDC_ISSUER,
      cookieKeys: this.config.COOKIE_KEYS,
      keys,
      adapter,
      register: this.register,
      standing,
      findUser: (id) => this.accounts.findEnabled(id),
    });
  }
}
