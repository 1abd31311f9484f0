import { randomUUID } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { z } from 'zod';
import { ProductsRpc } from '@rookery/contracts';
import { RpcClient } from '@rookery/messaging';
import { DomainError } from '@rookery/platform';
import type { GatewayConfig } from '../gateway.config';
import { EXAMPLE_IDEMPOTENCY_KEY, EXAMPLE_PRODUCT_ID } from './examples';
import { guardPages } from './page-policy';

/** The public client that auth registers for this page. */
const SWAGGER_CLIENT = 'rookery-swagger';
/** Preselected in the log-in dialog: the scopes that a customer needs to place an order. */
const PRESELECTED_SCOPES = ['openid', 'orders:read', 'orders:write'];

/** Longest wait of the page for an example product. */
const EXAMPLE_TIMEOUT_MS = 500;

/** Less white space, so that a request and its response are visible together. */
const CSS = `
.swagger-ui .info { margin: 24px 0 }
.swagger-ui .scheme-container { padding: 12px 0 16px; margin-bottom: 12px }
.swagger-ui textarea.body-param__text { min-height: 13em }
.swagger-ui .responses-inner { overflow-x: auto }
.swagger-ui .parameters-col_description input[type=text] { max-width: 24em; width: 100% }
`;

const Request = z.object({ url: z.string() });

/** Serves Swagger UI at `/docs` with a working log-in, and the document at `/openapi.json`, which is generated on first use. */
export function serveSwaggerUi(
  app: NestFastifyApplication,
  config: GatewayConfig,
  makeDocument: () => OpenAPIObject,
): void {
  const rpc = app.get(RpcClient);
  guardPages(app.getHttpAdapter().getInstance(), '/docs', [
    new URL(config.OIDC_TOKEN_URL ?? config.OIDC_ISSUER).origin,
  ]);
  SwaggerModule.setup('docs', app, makeDocument, {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    // Only for the page: the document at its own address stays unchanged.
    patchDocumentOnRequest: async (request, _reply, original) =>
      Request.parse(request).url.startsWith('/docs') ? withLiveExamples(original, await anyProductId(rpc)) : original,
    customSiteTitle: 'Rookery API',
    customCss: CSS,
    customJsStr: toPublicName(config.PUBLIC_URL),
    swaggerOptions: {
      oauth2RedirectUrl: `${config.PUBLIC_URL.replace(/\/$/, '')}/docs/oauth2-redirect.html`,
      initOAuth: {
        clientId: SWAGGER_CLIENT,
        appName: 'Rookery',
        scopes: PRESELECTED_SCOPES,
        usePkceWithAuthorizationCodeGrant: true,
      },
      persistAuthorization: true,
      displayRequestDuration: true,
      tryItOutEnabled: true,
    },
  });
}

/** The log-in redirects to the public address, so a page opened under the other name of this machine goes there first. */
function toPublicName(publicUrl: string): string {
  const { hostname, port } = new URL(publicUrl);
  const other = { localhost: '127.0.0.1', '127.0.0.1': 'localhost' }[hostname];
  if (other === undefined) {
    return '';
  }
  return `if (location.hostname === '${other}' && location.port === '${port}') location.hostname = '${hostname}';`;
}

/** "Try it out" works with the prefilled values: an existing product and, for each operation, an unused key. */
function withLiveExamples(document: OpenAPIObject, productId: string): OpenAPIObject {
  const text = JSON.stringify(document)
    .replaceAll(EXAMPLE_PRODUCT_ID, productId)
    .replaceAll(EXAMPLE_IDEMPOTENCY_KEY, () => randomUUID());
  return z.custom<OpenAPIObject>().parse(JSON.parse(text));
}

/** A product in stock, so that its order can be Confirmed. The placeholder without a catalog: the page must open without the services. */
async function anyProductId(rpc: RpcClient): Promise<string> {
  try {
    const { items } = await rpc.call(ProductsRpc.list, { sort: 'name', limit: 20 }, { timeoutMs: EXAMPLE_TIMEOUT_MS });
    const product = items.find(({ stock }) => stock.available > 0) ?? items[0];
    return product?.id ?? EXAMPLE_PRODUCT_ID;
  } catch (error) {
    if (!(error instanceof DomainError)) {
      throw error;
    }
    return EXAMPLE_PRODUCT_ID;
  }
}
