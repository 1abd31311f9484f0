import { z } from 'zod';
import { API_AUDIENCE } from '@rookery/contracts';
import { addressesSetting, commaList, commonConfig, cursorConfig, portSetting } from '@rookery/platform';
import { redisConfig } from '@rookery/resilience';
import { signingKeySetting, TokenAlgorithms, TokenTypes } from '@rookery/security';
import { stranglerRoutesSetting } from './strangler/strangler-routes';

const count = (fallback: number) => z.coerce.number().int().min(1).max(10_000_000).default(fallback);

/** A value that no browser sends would never match, and every sandboxed page sends `null`. */
const isWebOrigin = (text: string): boolean => /^https?:/.test(text) && URL.parse(text)?.origin === text;

/** Every setting of the gateway. */
export const GatewayConfig = z.object({
  ...commonConfig,
  PORT: portSetting(3000),
  PUBLIC_URL: z
    .url()
    .default('http://localhost:3000')
    .describe('Address of the gateway for clients; in OpenAPI and in the log-in of Swagger UI'),
  OIDC_ISSUER: z
    .url()
    .default('http://localhost:3001')
    .describe('Issuer of the access tokens, exactly as in their iss claim'),
  OIDC_AUDIENCE: z.string().min(1).default(API_AUDIENCE).describe('Audience that access tokens must have'),
  OIDC_ALGORITHMS: commaList
    .pipe(z.array(z.enum(TokenAlgorithms)).min(1))
    .default(['ES256'])
    .describe(`Accepted signature algorithms of access tokens, comma separated: ${TokenAlgorithms.join(', ')}`),
  OIDC_TOKEN_TYPE: z
    .enum(TokenTypes)
    .default('at+jwt')
    .describe('Type (typ) of the issuer’s access tokens: at+jwt (RFC 9068), or JWT for older issuers'),
  OIDC_DISCOVERY_URL: z
    .url()
    .optional()
    .describe('Address at which this process reaches the issuer if it differs, for example inside a container network'),
  OIDC_AUTHORIZATION_URL: z
    .url()
    .optional()
    .describe('Authorization endpoint for Swagger UI; default: <OIDC_ISSUER>/auth'),
  OIDC_TOKEN_URL: z.url().optional().describe('Token endpoint for Swagger UI; default: <OIDC_ISSUER>/token'),
  INTERNAL_SIGNING_KEY: signingKeySetting,
  ...cursorConfig,
  REQUEST_TIMEOUT_MS: count(5_000).describe('Timeout of a request, milliseconds'),
  BODY_LIMIT_BYTES: count(102_400).describe('Largest request body, bytes'),
  BODY_DEPTH_LIMIT: count(20).describe('Deepest nesting of a JSON body'),
  RATE_LIMIT_PER_MINUTE: count(600).describe('Requests per minute and subject (address for anonymous callers)'),
  REGISTRATION_LIMIT_PER_HOUR: count(20).describe('Registrations per hour and address'),
  ...redisConfig,
  PRODUCT_CACHE_SECONDS: z.coerce
    .number()
    .int()
    .min(0)
    .max(3_600)
    .default(30)
    .describe('Seconds for which a catalog read is cached without a change notification; 0 disables the cache'),
  PRODUCT_STALE_SECONDS: z.coerce
    .number()
    .int()
    .min(0)
    .max(86_400)
    .default(600)
    .describe('Seconds for which it may be served as stale while products is unavailable; 0 never'),
  STREAMS_PER_SUBJECT: count(20).describe('Live order streams that one subject may have open'),
  STREAM_HEARTBEAT_SECONDS: z.coerce
    .number()
    .int()
    .min(1)
    .max(300)
    .default(15)
    .describe('Seconds between the heartbeats of a live order stream'),
  LOAD_SHEDDING: z
    .enum(['on', 'off'])
    .default('on')
    .describe('Whether requests are rejected with 503 as soon as more arrive than can be answered in time'),
  LOAD_SHEDDING_MIN_IN_FLIGHT: count(64).describe(
    'Requests in flight that are always admitted, however slow responses are',
  ),
  LOAD_SHEDDING_MAX_IN_FLIGHT: count(512).describe('Most requests in flight, however fast responses are'),
  LOAD_SHEDDING_EVENT_LOOP_DELAY_MS: count(200).describe(
    'Event loop delay at which reads are shed, milliseconds; changes at twice, orders at four times as much',
  ),
  CORS_ORIGINS: commaList
    .refine(
      (origins) => origins.every(isWebOrigin),
      'must be origins as browsers write them, like https://shop.example: scheme and host in lower case, no path',
    )
    .describe('Browser origins that may call the API, comma separated'),
  STRANGLER_ROUTES: stranglerRoutesSetting, // part:strangler
  TRUST_PROXY: addressesSetting.describe(
    'Addresses (CIDR) of proxies whose X-Forwarded-For is trusted, comma separated',
  ),
});
export type GatewayConfig = z.infer<typeof GatewayConfig>;

/** Whether browsers connect over TLS, terminated here or at a proxy. */
export const isBehindTls = ({ PUBLIC_URL }: GatewayConfig): boolean => PUBLIC_URL.startsWith('https:');
