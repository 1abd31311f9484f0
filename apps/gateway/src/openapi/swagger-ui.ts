import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { ProductsRpc } from '@rookery/contracts';
import { RpcClient } from '@rookery/messaging';
import { DomainError } from '@rookery/platform';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { GatewayConfig } from '../gateway.config';
import { exampleProductId, idempotencyKeyExample } from './examples';
import { guardPages } from './page-policy';

/** The public client that auth registers for this page. */
const SWAGGER_CLIENT = 'rookery-swagger';
/** Ticked in the log-in dialog: what a customer needs to place an order. */
const PRESELECTED_SCOPES = ['openid', 'orders:read', 'orders:write'];

/** Longest time that the page waits for a product to show in its example. */
const EXAMPLE_TIMEOUT_MS = 500;

/** Less air, so that a request and its answer are seen together. */
const CSS = `
.swagger-ui .info { margin: 24px 0 }
.swagger-ui .scheme-container { padding: 12px 0 16px; margin-bottom: 12px }
.swagger-ui textarea.body-param__text { min-height: 13em }
.swagger-ui .responses-inner { overflow-x: auto }
.swagger-ui .parameters-col_description input[type=text] { max-width: 24em; width: 100% }
`;

const Request = z.object({ url: z.string() });

/** Serves Swagger UI at `/docs`, with a log-in that works, and the document at `/openapi.json`, which is made when it is first asked for. */
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
    // The page only: the document at its own address stays the same.
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

/** The log-in comes back to the public address, so a page opened under this machine's other name goes there first. */
function toPublicName(publicUrl: string): string {
  const { hostname, port } = new URL(publicUrl);
  const other = { localhost: '127.0.0.1', '127.0.0.1': 'localhost' }[hostname];
  if (other === undefined) return '';
  return `if (location.hostname === '${other}' && location.port === '${port}') location.hostname = '${hostname}';`;
}

/** "Try it out" works as it is filled in: with a product that exists and, for each operation, a key that nobody has used. */
function withLiveExamples(document: OpenAPIObject, productId: string): OpenAPIObject {
  const text = JSON.stringify(document)
    .replaceAll(exampleProductId, productId)
    .replaceAll(idempotencyKeyExample, () => randomUUID());
  return z.custom<OpenAPIObject>().parse(JSON.parse(text));
}

/** One in stock, so that its order can end Confirmed. The example's own id while there is no catalogue: the page must open without the services. */
async function anyProductId(rpc: RpcClient): Promise<string> {
  try {
    const { items } = await rpc.call(ProductsRpc.list, { sort: 'name', limit: 20 }, { timeoutMs: EXAMPLE_TIMEOUT_MS });
    const product = items.find(({ stock }) => stock.available > 0) ?? items[0];
    return product?.id ?? exampleProductId;
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return exampleProductId;
  }
}
