import type { ServiceOptions } from '@rookery/platform';
import { GatewayModule } from './gateway.module';
import { isBehindTls, type GatewayConfig } from './gateway.config';
import { DeclaredInputGuard } from './input/declared-input.guard';
import { dropTypeOfNothing } from './input/no-body';
import { limitAddresses } from './rate-limit/address-limit';
import { shedLoad } from './load-shedding/load-shedding';
import { openFrontDoor } from './openapi/front-door';
import { openApiDocument } from './openapi/openapi-document';
import { serveSwaggerUi } from './openapi/swagger-ui';
import { installStrangler } from './strangler/install-strangler';

/** So many subjects may share an address: a household, an office, a mobile network's gateway. */
const SUBJECTS_PER_ADDRESS = 10;

/** The gateway as `runService` runs it and as its specs build it. */
export function gatewayService(config: GatewayConfig): ServiceOptions {
  return {
    name: 'gateway',
    module: GatewayModule.forRoot(config),
    config,
    http: {
      bodyBytes: config.BODY_LIMIT_BYTES,
      bodyDepth: config.BODY_DEPTH_LIMIT,
      requestTimeoutMs: config.REQUEST_TIMEOUT_MS,
      trustProxy: config.TRUST_PROXY,
      behindTls: isBehindTls(config),
    },
    configure: (app) => {
      dropTypeOfNothing(app.getHttpAdapter().getInstance());
      if (config.LOAD_SHEDDING === 'on') shedLoad(app, config);
      limitAddresses(app, config.RATE_LIMIT_PER_MINUTE * SUBJECTS_PER_ADDRESS);
      // After the guards of the modules: who asks comes before what is asked.
      app.useGlobalGuards(new DeclaredInputGuard());
      if (config.CORS_ORIGINS.length > 0) app.enableCors({ ...cors, origin: config.CORS_ORIGINS });
      if (config.STRANGLER_ROUTES.length > 0) installStrangler(app, config.BODY_LIMIT_BYTES);
      openFrontDoor(app);
      serveSwaggerUi(app, config, () => openApiDocument(app, config));
    },
  };
}

/** What a browser application on another origin may send and read. */
const cors = {
  methods: ['GET', 'POST', 'PATCH', 'DELETE'],
  allowedHeaders: [
    'authorization',
    'content-type',
    'idempotency-key',
    'if-match',
    'if-none-match',
    'last-event-id',
    'x-correlation-id',
    'traceparent',
  ],
  exposedHeaders: [
    'etag',
    'location',
    'retry-after',
    'idempotent-replayed',
    'x-correlation-id',
    'ratelimit-limit',
    'ratelimit-remaining',
    'ratelimit-reset',
  ],
  maxAge: 600,
};
