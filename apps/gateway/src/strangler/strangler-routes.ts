import { z } from 'zod';
import { Scopes } from '@rookery/contracts';
import { OPERATIONAL_PATHS } from '@rookery/platform';
import { isForbiddenHeader } from './forwarded-headers';

/** `/legacy`, `/v1/products`: no trailing slash, no dot segments, no character that needs an escape. */
const PREFIX = /^(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/;
const HEADER_NAME = /^[a-z0-9-]{1,60}$/;

/** Paths of the gateway outside the API, and API paths that concern the gateway itself. */
const RESERVED = [...OPERATIONAL_PATHS, '/docs', '/openapi.json', '/asyncapi.json', '/v1/me', '/v1/ops'];

const scopes = z.enum(Object.keys(Scopes)).transform((name) => z.custom<keyof typeof Scopes>().parse(name));

const ACCESS_RULE = `must be "public", "token" or a list of scopes (${Object.keys(Scopes).join(', ')})`;

const Route = z.strictObject({
  prefix: z.string().regex(PREFIX, 'must be a path like /legacy or /v1/products'),
  upstream: z
    .url({ protocol: /^https?$/, error: 'must be the origin of the legacy system, like http://legacy.internal:8080' })
    .refine(isOrigin, 'must be an origin, like http://legacy.internal:8080: no path, no query, no credentials')
    .transform((url) => (URL.canParse(url) ? new URL(url).origin : url)),
  legacyPercent: z.number().min(0).max(100).default(100),
  choiceByHeader: z.boolean().default(false),
  access: z
    .union([z.enum(['public', 'token']), z.array(scopes).min(1, ACCESS_RULE)], { error: ACCESS_RULE })
    .optional(),
  rewritePrefix: z.string().regex(PREFIX, 'must be a path like /api/products').optional(),
  passHeaders: z
    .array(
      z
        .string()
        .regex(HEADER_NAME, 'must be names of headers in lower case')
        .refine((name) => !isForbiddenHeader(name), 'has a header that the gateway never forwards'),
    )
    .default([]),
});

/** One capability that a legacy system still serves, wholly or in part. */
export interface StranglerRoute {
  /** Path of the capability, including everything below it. */
  readonly prefix: string;
  /** Origin of the legacy system. */
  readonly upstream: string;
  /** Percentage of callers that the legacy system serves on routes that the gateway has too. */
  readonly legacyPercent: number;
  /** Whether `x-rookery-upstream: legacy` or `new` overrides the percentage. */
  readonly choiceByHeader: boolean;
  /** Who may use the routes that only the legacy system has; undefined: such requests are not forwarded. */
  readonly access?: 'public' | 'token' | readonly (keyof typeof Scopes)[] | undefined;
  /** Replaces the prefix in the address for the legacy system. */
  readonly rewritePrefix?: string | undefined;
  /** Further headers that pass in both directions. */
  readonly passHeaders: readonly string[];
}

const Routes = z.array(Route).superRefine((routes, context) => {
  routes.forEach(({ prefix }, index) => {
    const refuse = (message: string): void => {
      context.addIssue({ code: 'custom', path: [index, 'prefix'], message });
    };
    const taken = RESERVED.find((path) => isUnder(prefix, path) || isUnder(path, prefix));
    if (taken !== undefined) {
      refuse(`${prefix} is reserved: ${taken} is the gateway’s own; choose another prefix`);
    }
    const other = routes.findIndex((route) => isUnder(prefix, route.prefix) || isUnder(route.prefix, prefix));
    if (other < index) {
      refuse(`${prefix} overlaps with route ${other + 1}: make one route of the two`);
    }
  });
});

/** Whether `path` equals `prefix` or lies below it. */
export function isUnder(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

/**
 * The setting `STRANGLER_ROUTES`: a JSON list of routes, empty for none. The error lists all faults with the number of the route:
 * unknown fields, an upstream that is not an origin, prefixes that overlap or belong to the gateway.
 */
export const stranglerRoutesSetting = z
  .string()
  .default('')
  .transform((text, context): readonly StranglerRoute[] => {
    if (text.trim() === '') {
      return [];
    }
    const parsed = Routes.safeParse(readJson(text));
    if (parsed.success) {
      return parsed.data;
    }
    context.addIssue({ code: 'custom', message: parsed.error.issues.map(describe).join('; ') });
    return z.NEVER;
  })
  .describe('Path prefixes that a legacy system serves, wholly or in part, as JSON: docs/strangler.md');

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function describe({ path, message }: z.core.$ZodIssue): string {
  const [index, ...field] = path;
  if (typeof index !== 'number') {
    return 'must be a JSON list of routes: [{"prefix":"/legacy","upstream":"http://…"}]';
  }
  return `route ${index + 1}${field.length === 0 ? '' : `, ${field.join('.')}`}: ${message}`;
}

function isOrigin(text: string): boolean {
  // An invalid URL has already been reported as such.
  if (!URL.canParse(text)) {
    return true;
  }
  const { origin } = new URL(text);
  return text.replace(/\/$/, '').toLowerCase() === origin;
}
