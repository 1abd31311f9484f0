import { randomBytes } from 'node:crypto';
import { randomUUID } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { configureLogger, createService, parseConfig } from '@rookery/platform';
import { internalKeys, OidcIssuer, testBroker, type TestBroker } from '@rookery/testing';
import { GatewayConfig } from '../src/gateway.config';
import { gateway } from '../src/gateway.service';
import { type Neighbours, startNeighbours } from './neighbours';

/** The whole gateway on a real port and a real NATS, with a local OpenID Provider and stubs for the services. */
export interface GatewayUnderTest extends Neighbours {
  readonly url: string;
  readonly app: NestFastifyApplication;
  readonly broker: TestBroker;
  readonly issuer: OidcIssuer;
  /** `fetch` of a path, optionally with a bearer token. A POST has a new Idempotency-Key by default; an empty one sends none. */
  request(path: string, init?: RequestInit & { readonly token?: string }): Promise<Response>;
  /** The same with a JSON body. */
  send(
    method: string,
    path: string,
    body: unknown,
    init?: RequestInit & { readonly token?: string },
  ): Promise<Response>;
  close(): Promise<void>;
}

/** Starts it with `env` on top of settings for specs, with high limits. */
export async function startGateway(env: Readonly<Record<string, string>> = {}): Promise<GatewayUnderTest> {
  const [broker, issuer, keys] = await Promise.all([testBroker(), OidcIssuer.start(), internalKeys()]);
  const neighbours = await startNeighbours(broker);
  const parsed = parseConfig(GatewayConfig, {
    ...broker.envOf('gateway'),
    LOG_LEVEL: 'silent',
    OIDC_ISSUER: issuer.url,
    INTERNAL_SIGNING_KEY: keys.signingKeySettingOf('gateway'),
    CURSOR_KEY: randomBytes(32).toString('base64url'),
    RATE_LIMIT_PER_MINUTE: '100000',
    REGISTRATION_LIMIT_PER_HOUR: '1000',
    LOAD_SHEDDING_MIN_IN_FLIGHT: '512',
    LOAD_SHEDDING_EVENT_LOOP_DELAY_MS: '60000',
    ...env,
  });
  if (!parsed.ok) {
    throw new Error(`bad settings: ${JSON.stringify(parsed.bad)}`);
  }
  configureLogger('gateway', parsed.config.LOG_LEVEL);
  const app = await createService(gateway.options(parsed.config));
  await app.listen({ port: 0, host: '127.0.0.1' });
  const url = await app.getUrl();

  const request: GatewayUnderTest['request'] = (path, { token, ...init } = {}) => {
    const headers = new Headers(init.headers);
    if (token !== undefined) {
      headers.set('authorization', `Bearer ${token}`);
    }
    if (init.method === 'POST' && !headers.has('idempotency-key')) {
      headers.set('idempotency-key', randomUUID());
    }
    if (headers.get('idempotency-key') === '') {
      headers.delete('idempotency-key');
    }
    return fetch(`${url}${path}`, { ...init, headers });
  };
  return {
    ...neighbours,
    url,
    app,
    broker,
    issuer,
    request,
    send: (method, path, body, init = {}) =>
      request(path, {
        ...init,
        method,
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...Object.fromEntries(new Headers(init.headers)) },
      }),
    close: async () => {
      await app.close();
      await Promise.all([broker.close(), issuer.close()]);
    },
  };
}
