import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { Problem, Scopes } from '@rookery/contracts';
import type { GatewayConfig } from '../gateway.config';
import { examples } from './examples';
import { BEARER_SCHEME, OIDC_SCHEME } from './exposes.decorator';
import { headerComponents } from './response-headers';
import { convertStandardSchema, toComponentSchema } from './schema-converter';

/** The addresses in the document. */
export type DocumentConfig = Pick<
  GatewayConfig,
  'PUBLIC_URL' | 'OIDC_ISSUER' | 'OIDC_AUTHORIZATION_URL' | 'OIDC_TOKEN_URL'
>;

/** The OpenAPI 3.1 document of the routes in `app`. Deterministic for the same code and config. */
export function openApiDocument(app: INestApplication, config: DocumentConfig): OpenAPIObject {
  const document = SwaggerModule.createDocument(app, base(config), {
    standardSchemaConverter: convertStandardSchema,
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}.${method}`,
    autoTagControllers: false,
  });
  // Probes and metrics are for operators and not part of the API.
  const publicPaths = Object.fromEntries(Object.entries(document.paths).filter(([path]) => path.startsWith('/v1/')));
  const schemas = { ...document.components?.schemas, ...toComponentSchema(Problem).components };
  return {
    ...document,
    paths: publicPaths,
    components: { ...document.components, headers: headerComponents, schemas: withExamples(sorted(schemas)) },
  };
}

function base(config: DocumentConfig) {
  return new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Rookery')
    .setDescription(
      'A catalog, orders and payments. To try it: **Authorize**, log in, open **Place an order** and **Execute** it; all fields are prefilled.\n\nErrors are RFC 9457 problems with a stable `code`; every response carries the correlation id of its request. Amounts are integers in minor units.',
    )
    .setVersion('1.0.0')
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addServer(config.PUBLIC_URL)
    .addTag('Products', 'The catalog and its stock')
    .addTag('Orders', 'Placing orders and following their progress')
    .addTag('Payments', 'Amounts that an order has reserved, captured or released')
    .addTag('Accounts', 'Registration, and the identity behind a token')
    .addTag('Operations', 'Diagnosis and repair for operators')
    .addOAuth2(
      {
        type: 'oauth2',
        description: 'Log in with OpenID Connect (authorization code with PKCE)',
        flows: {
          authorizationCode: {
            authorizationUrl: config.OIDC_AUTHORIZATION_URL ?? endpoint(config.OIDC_ISSUER, 'auth'),
            tokenUrl: config.OIDC_TOKEN_URL ?? endpoint(config.OIDC_ISSUER, 'token'),
            scopes: { openid: 'Log in', ...Scopes },
          },
        },
      },
      OIDC_SCHEME,
    )
    .addBearerAuth(
      {
        type: 'http',
        scheme: 'bearer',
        bearerFormat: 'JWT',
        description: 'An access token, for example the output of `npm run -s token alice`',
      },
      BEARER_SCHEME,
    )
    .build();
}

const endpoint = (issuer: string, path: string): string => `${issuer.replace(/\/$/, '')}/${path}`;

function withExamples<T extends object>(schemas: Readonly<Record<string, T>>): Record<string, T> {
  const byName = new Map(examples.map(({ schema, value }) => [schema.meta()?.id, value]));
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [
      name,
      byName.has(name) ? { ...schema, example: byName.get(name) } : schema,
    ]),
  );
}

/** Sorted by name, so that a new route does not move other schemas in the committed document. */
function sorted<T>(byName: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(byName).sort(([one], [other]) => one.localeCompare(other, 'en')));
}
