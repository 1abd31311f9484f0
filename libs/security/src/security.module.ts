import { type DynamicModule, Global, Module, type Provider } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { Caller, Service } from '@rookery/contracts';
import { Metrics } from '@rookery/platform';
import { AccessTokenGuard } from './http/access-token.guard';
import { AccessTokenStrategy } from './http/access-token.strategy';
import { type AccessTokenRules, AccessTokenVerifier } from './http/access-token.verifier';
import { ScopesGuard } from './http/scopes.guard';
import { readInternalJwks, readSigningKey } from './rpc/internal-keys';
import { InternalTokenIssuer, InternalTokenVerifier } from './rpc/internal-token';
import { InternalTokenGuard } from './rpc/internal-token.guard';

/** Options of the HTTP edge: who issues access tokens, and the identity with which it calls the services. */
export interface HttpSecurity extends AccessTokenRules {
  readonly caller: Caller;
  /** `INTERNAL_SIGNING_KEY`: private JWK as JSON. */
  readonly signingKey: string;
}

/** Options of a service behind NATS. */
export interface RpcSecurity {
  readonly service: Service;
  /** `INTERNAL_JWKS`: public keys of all callers as JSON. */
  readonly jwks: string;
  /** `INTERNAL_SIGNING_KEY`, for services that call others. */
  readonly signingKey?: string | undefined;
}

/** Provides the verifiers, issuers and global guards of a process. */
@Global()
@Module({})
export class SecurityModule {
  /** Every HTTP route needs an access token unless it is `@Public()`, and the scopes it names. Provides `InternalTokenIssuer`. */
  static forHttp({ caller, signingKey, ...rules }: HttpSecurity): DynamicModule {
    const exported: Provider[] = [
      {
        provide: AccessTokenVerifier,
        inject: [{ token: Metrics, optional: true }],
        useFactory: (metrics?: Metrics) => new AccessTokenVerifier(rules, metrics),
      },
      tokenIssuer(caller, signingKey),
    ];
    return {
      module: SecurityModule,
      providers: [
        ...exported,
        AccessTokenStrategy,
        { provide: APP_GUARD, useClass: AccessTokenGuard },
        { provide: APP_GUARD, useClass: ScopesGuard },
      ],
      exports: exported,
    };
  }

  /** Every request over NATS needs an internal token for this service. Provides `InternalTokenIssuer` if there is a signing key. */
  static forRpc({ service, jwks, signingKey }: RpcSecurity): DynamicModule {
    const verifier = new InternalTokenVerifier({ jwks: readInternalJwks(jwks), audience: service });
    const exported: Provider[] = [
      { provide: InternalTokenVerifier, useValue: verifier },
      ...(signingKey === undefined ? [] : [tokenIssuer(service, signingKey)]),
    ];
    return {
      module: SecurityModule,
      providers: [...exported, { provide: APP_GUARD, useClass: InternalTokenGuard }],
      exports: exported,
    };
  }
}

function tokenIssuer(issuer: Caller, signingKey: string): Provider {
  return {
    provide: InternalTokenIssuer,
    useValue: new InternalTokenIssuer({ key: readSigningKey(signingKey), issuer }),
  };
}
