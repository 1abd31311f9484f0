import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BlockList } from 'node:net';
import { Clock, logger } from '@rookery/platform';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Provider } from 'oidc-provider';
import { DataSource } from 'typeorm';
import { AccountService } from '../account/account.service';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import { ClientAdapter } from '../clients/client-adapter';
import { KeyCipher } from '../keys/key-cipher';
import { SigningKeys } from '../keys/signing-keys';
import { AccessTokenRegister } from './access-token-register';
import { announceApiScopes } from './discovery';
import { dressFormPosts } from './form-post';
import { refuseLostSessions } from './lost-session';
import { PayloadAdapter } from './payload-adapter';
import { needsTls, refusePlainHttp } from './plain-http';
import { providerConfiguration } from './provider.configuration';
import { reportFailures } from './provider-errors';
import { serveStructuredTokens } from './structured-tokens';
import { dropForgedForwarding, trustedProxies } from './trusted-proxies';

const KEY_POLL_MS = 2_000;

/** Paths that oidc-provider answers; all others belong to Nest. */
const PROVIDER_PATHS =
  /^\/(?:\.well-known\/(?:openid-configuration|oauth-authorization-server)|auth|token|jwks|device|session)(?=$|[/?])/u;

interface Running {
  readonly provider: Provider;
  readonly handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  readonly keys: string;
}

/**
 * Runs oidc-provider. Its key set is fixed when it is made, so a changed key set means a new instance that takes over for the next
 * request; requests in hand finish on the old one. All state is in the database, so nobody notices.
 */
@Injectable()
export class ProviderHost implements OnModuleInit, OnModuleDestroy {
  #running: Running | undefined;
  #poll: NodeJS.Timeout | undefined;
  readonly #trusted: BlockList;

  constructor(
    @Inject(AUTH_CONFIG) private readonly config: AuthConfig,
    private readonly dataSource: DataSource,
    private readonly accounts: AccountService,
    private readonly signingKeys: SigningKeys,
    private readonly cipher: KeyCipher,
    private readonly register: AccessTokenRegister,
    private readonly clock: Clock,
  ) {
    this.#trusted = trustedProxies(config.TRUST_PROXY);
  }

  async onModuleInit(): Promise<void> {
    await this.signingKeys.ensureActive();
    await this.refresh();
    this.#poll = setInterval(() => {
      this.refresh().catch((error: unknown) => logger.warn({ err: error }, 'could not look for new signing keys'));
    }, KEY_POLL_MS);
  }

  onModuleDestroy(): void {
    clearInterval(this.#poll);
  }

  get provider(): Provider {
    return this.running.provider;
  }

  /** What of the provider answers at this address, `/token` for one; undefined: nothing. */
  routeOf(url: string | undefined): string | undefined {
    return PROVIDER_PATHS.exec(url ?? '')?.[0];
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    dropForgedForwarding(request, this.#trusted);
    if (this.config.OIDC_ISSUER.startsWith('https:') && needsTls(request)) {
      refusePlainHttp(response);
      return;
    }
    await this.running.handle(request, response);
  }

  /** Takes over the key set as it is in the database now. */
  async refresh(): Promise<void> {
    const keys = await this.signingKeys.fingerprint();
    if (keys === this.#running?.keys) return;
    this.#running = { ...(await this.build()), keys };
  }

  private get running(): Running {
    if (this.#running === undefined) throw new Error('the provider is not started');
    return this.#running;
  }

  private async build(): Promise<Omit<Running, 'keys'>> {
    const keys = await this.signingKeys.load();
    const clients = new ClientAdapter(this.dataSource, this.cipher);
    const configuration = providerConfiguration({
      issuer: this.config.OIDC_ISSUER,
      cookieKeys: this.config.COOKIE_KEYS,
      keys,
      adapter: (model) =>
        model === 'Client' ? clients : new PayloadAdapter(model, this.dataSource, this.cipher, () => this.clock.now()),
      register: this.register,
      findUser: (id) => this.accounts.findEnabled(id),
    });
    const provider = new Provider(this.config.OIDC_ISSUER, configuration);
    // Those that untrusted peers send are dropped in `handle`.
    provider.proxy = true;
    reportFailures(provider);
    announceApiScopes(provider);
    refuseLostSessions(provider);
    dressFormPosts(provider);
    serveStructuredTokens(provider, keys, this.register);
    return { provider, handle: provider.callback() };
  }
}
