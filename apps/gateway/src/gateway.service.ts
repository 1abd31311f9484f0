import { defineService } from '@rookery/platform';
import { GatewayConfig, isBehindTls } from './gateway.config';
import { GatewayModule } from './gateway.module';
import { DeclaredInputGuard } from './input/declared-input.guard';
import { dropContentTypeWithoutBody } from './input/no-body';
import { shedLoad } from './load-shedding/load-shedding';
import { openFrontDoor } from './openapi/front-door';
import { openApiDocument } from './openapi/openapi-document';
import { serveSwaggerUi } from './openapi/swagger-ui';
import { limitAddresses } from './rate-limit/address-limit';
import { installStrangler } from './strangler/install-strangler';

/** Subjects that may share an address: a household, an office, the gateway of a mobile network. */
const SUBJECTS_PER_ADDRESS = 10;

/** The gateway: the HTTP edge. */
export const gateway = defineService({
  name: 'gateway',
  config: GatewayConfig,
  modules: (config) => [GatewayModule.forRoot(config)],
  http: (config) => ({
    bodyBytes: config.BODY_LIMIT_BYTES,
    bodyDepth: config.BODY_DEPTH_LIMIT,
    requestTimeoutMs: config.REQUEST_TIMEOUT_MS,
    trustProxy: config.TRUST_PROXY,
    behindTls: isBehindTls(config),
  }),
  configure: (app, config) => {
    dropContentTypeWithoutBody(app.getHttpAdapter().getInstance());
    if (config.LOAD_SHEDDING === 'on') {
      shedLoad(app, config);
    }
    limitAddresses(app, config.RATE_LIMIT_PER_MINUTE * SUBJECTS_PER_ADDRESS);
    // After the guards of the modules: authentication comes before validation.
    app.useGlobalGuards(new DeclaredInputGuard());
    if (config.CORS_ORIGINS.length > 0) {
      app.enableCors({ ...CORS, origin: config.CORS_ORIGINS });
    }
    // #region part:strangler
    if (config.STRANGLER_ROUTES.length > 0) {
      installStrangler(app, config.BODY_LIMIT_BYTES);
    }
    // #endregion part:strangler
    openFrontDoor(app);
    serveSwaggerUi(app, config, () => openApiDocument(app, config));
  },
});

/** The headers that a browser application of another origin may send and read. */
const CORS = {
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
