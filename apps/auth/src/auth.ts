import { JetStreamServer, Nats, RpcServer } from '@rookery/messaging';
import { nameRoute, type ServiceOptions } from '@rookery/platform';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AuthConfig } from './auth.config';
import { AuthModule } from './auth.module';
import { ProviderHost } from './provider/provider-host';

/** The auth service as a whole: what main.ts runs and component specs build. */
export const auth = (config: AuthConfig): ServiceOptions => ({
  name: 'auth',
  module: AuthModule.forRoot(config),
  config,
  http: { trustProxy: config.TRUST_PROXY },
  microservices: (app) => [new RpcServer(app.get(Nats)), app.get(JetStreamServer)],
  configure: (app) => {
    takeForms(app);
    mountProvider(app);
  },
});

/** oidc-provider reads the raw request, so it goes before Fastify's body parsers. */
function mountProvider(app: NestFastifyApplication): void {
  const host = app.get(ProviderHost);
  app.use(
    (
      request: IncomingMessage & { originalUrl?: string },
      response: ServerResponse,
      next: (error?: unknown) => void,
    ) => {
      const route = host.routeOf(request.originalUrl ?? request.url);
      if (route === undefined) {
        next();
        return;
      }
      nameRoute(request, route);
      host.handle(request, response).catch(next);
    },
  );
}

/** The sign-in pages post forms; a field that is named twice counts once. */
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
