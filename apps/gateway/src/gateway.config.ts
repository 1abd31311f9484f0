import { API_AUDIENCE } from '@rookery/contracts';
import { addressesSetting, commaList, commonConfig, cursorConfig, portSetting } from '@rookery/platform';
import { redisConfig } from '@rookery/resilience';
import { signingKeySetting, TokenAlgorithms, TokenTypes } from '@rookery/security';
import { z } from 'zod';
import { stranglerRoutesSetting } from './strangler/strangler-routes';

const count = (fallback: number) => z.coerce.number().int().min(1).max(10_000_000).default(fallback);

/** What no browser sends would be let in never, and `null` is what any sandboxed page sends. */
const isWebOrigin = (text: string): boolean => /^https?:/.test(text) && URL.parse(text)?.origin === text;

/** Every setting of the gateway. */
export const GatewayConfig = z.object({
  ...commonConfig,
  PORT: portSetting(3000),
  PUBLIC_URL: z
    .url()
    .default('http://localhost:3000')
    .describe('Where clients reach the gateway; in OpenAPI and in Swagger UI’s log-in'),
  OIDC_ISSUER: z
    .url()
    .default('http://localhost:3001')
    .describe('Issuer of the access tokens, exactly as in their iss claim'),
  OIDC_AUDIENCE: z.string().min(1).default(API_AUDIENCE).describe('Audience that access tokens must have'),
  OIDC_ALGORITHMS: commaList
    .pipe(z.array(z.enum(TokenAlgorithms)).min(1))
    .default(['ES256'])
    .describe(`How the issuer may sign access tokens, comma separated: ${TokenAlgorithms.join(', ')}`),
  OIDC_TOKEN_TYPE: z
    .enum(TokenTypes)
    .default('at+jwt')
    .describe('Type (typ) of the issuer’s access tokens: at+jwt (RFC 9068), or JWT where it knows no other'),
  OIDC_DISCOVERY_URL: z
    .url()
    .optional()
    .describe('Where this process reaches the issuer, when that is not its own address: inside a container network'),
  OIDC_AUTHORIZATION_URL: z.url().optional().describe('Log-in address for Swagger UI; <OIDC_ISSUER>/auth unless told'),
  OIDC_TOKEN_URL: z.url().optional().describe('Token endpoint for Swagger UI; <OIDC_ISSUER>/token unless told'),
  INTERNAL_SIGNING_KEY: signingKeySetting,
  ...cursorConfig,
  REQUEST_TIMEOUT_MS: count(5_000).describe('Longest time one request may take, milliseconds'),
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
    .describe('Seconds for which a read of the catalogue is kept when no change is heard of; 0 keeps none'),
  PRODUCT_STALE_SECONDS: z.coerce
    .number()
    .int()
    .min(0)
    .max(86_400)
    .default(600)
    .describe('Seconds for which it may be given, marked as stale, while products does not answer; 0 never'),
  STREAMS_PER_SUBJECT: count(20).describe('Live order streams that one subject may have open at a time'),
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
    .describe('Whether requests are refused with 503 as soon as more come than can be answered in time'),
  LOAD_SHEDDING_MIN_IN_FLIGHT: count(64).describe(
    'Requests in hand at a time that are let in however slow answers are',
  ),
  LOAD_SHEDDING_MAX_IN_FLIGHT: count(512).describe('Most requests in hand at a time, however fast answers are'),
  LOAD_SHEDDING_EVENT_LOOP_DELAY_MS: count(200).describe(
    'How late the event loop may be before reads are refused, milliseconds; changes at twice, orders at four times as much',
  ),
  CORS_ORIGINS: commaList
    .refine(
      (origins) => origins.every(isWebOrigin),
      'must be origins as browsers write them, like https://shop.example: scheme and host in lower case, no path',
    )
    .describe('Browser origins that may call the API, comma separated'),
  STRANGLER_ROUTES: stranglerRoutesSetting,
  TRUST_PROXY: addressesSetting.describe(
    'Addresses (CIDR) of proxies whose X-Forwarded-For is believed, comma separated',
  ),
});
export type GatewayConfig = z.infer<typeof GatewayConfig>;

/** Whether browsers come over TLS, ended here or before. */
export const isBehindTls = ({ PUBLIC_URL }: GatewayConfig): boolean => PUBLIC_URL.startsWith('https:');
