import type { ServerResponse } from 'node:http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { requestsAndEvents } from '@rookery/messaging';
import { defineService, nameRoute } from '@rookery/platform';
import { AuthConfig } from './auth.config';
import { AuthModule } from './auth.module';
import { FrontDoor, type MiddlewareRequest } from './provider/front-door';
import { ProviderHost } from './provider/provider-host';
import { NOWHERE, placeOf } from './provider/provider-routes';

/** Auth: accounts, the OpenID Provider with its pages, and the mails to customers. */
export const auth = defineService({
  name: 'auth',
  config: AuthConfig,
  modules: (config) => [AuthModule.forRoot(config)],
  http: (config) => ({ trustProxy: config.TRUST_PROXY, behindTls: config.OIDC_ISSUER.startsWith('https:') }),
  microservices: requestsAndEvents,
  configure: (app) => {
    takeForms(app);
    mountProvider(app);
  },
});

/** oidc-provider reads the raw request, so it runs before Fastify's body parsers. */
function mountProvider(app: NestFastifyApplication): void {
  const host = app.get(ProviderHost);
  const door = app.get(FrontDoor);
  app.use((request: MiddlewareRequest, response: ServerResponse, next: (error?: unknown) => void) => {
    const place = placeOf(request.method ?? 'GET', request.originalUrl ?? request.url ?? '');
    if (place === undefined) {
      next();
      return;
    }
    if (place !== NOWHERE) {
      nameRoute(request, place.label);
    }
    door
      .admits(request, response, place)
      .then((admitted) => {
        if (!admitted) {
          return undefined;
        }
        if (place.isProviderRoute) {
          return host.handle(request, response);
        }
        next();
        return undefined;
      })
      .catch(next);
  });
}

/** The sign-in pages post forms; of a repeated field, the last value counts. */
function takeForms(app: NestFastifyApplication): void {
  app
    .getHttpAdapter()
    .getInstance()
    .addContentTypeParser<string>(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: 16_384 },
      (_request, body, done) => {
        done(null, Object.fromEntries(new URLSearchParams(body)));
      },
    );
}
