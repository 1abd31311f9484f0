import { Scopes } from '@rookery/contracts';
import { z } from 'zod';
import { isRefusedHeader } from './forwarded-headers';

/** `/legacy`, `/v1/products`: no slash at the end, no dot segments, nothing that needs an escape. */
const PREFIX = /^(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/;
const HEADER_NAME = /^[a-z0-9-]{1,60}$/;

/** What the gateway serves beside its API, by the first part of the path, and what of the API is about the gateway itself. */
const reserved = [
  '/livez',
  '/readyz',
  '/health',
  '/metrics',
  '/docs',
  '/openapi.json',
  '/asyncapi.json',
  '/v1/me',
  '/v1/ops',
];

const scopes = z.enum(Object.keys(Scopes)).transform((name) => z.custom<keyof typeof Scopes>().parse(name));

const whoMay = `must be "public", "token" or a list of scopes (${Object.keys(Scopes).join(', ')})`;

const Route = z.strictObject({
  prefix: z.string().regex(PREFIX, 'must be a path like /legacy or /v1/products'),
  upstream: z
    .url({ protocol: /^https?$/, error: 'must be the origin of the legacy system, like http://legacy.internal:8080' })
    .refine(isOrigin, 'must be an origin, like http://legacy.internal:8080: no path, no query, no credentials')
    .transform((url) => (URL.canParse(url) ? new URL(url).origin : url)),
  legacyPercent: z.number().min(0).max(100).default(100),
  choiceByHeader: z.boolean().default(false),
  access: z.union([z.enum(['public', 'token']), z.array(scopes).min(1, whoMay)], { error: whoMay }).optional(),
  rewritePrefix: z.string().regex(PREFIX, 'must be a path like /api/products').optional(),
  passHeaders: z
    .array(
      z
        .string()
        .regex(HEADER_NAME, 'must be names of headers in lower case')
        .refine((name) => !isRefusedHeader(name), 'has a header that never passes this edge'),
    )
    .default([]),
});

/** One capability that a legacy system still has, or partly has. */
export interface StranglerRoute {
  /** Path under which the capability is; what lies below belongs to it. */
  readonly prefix: string;
  /** Origin of the legacy system. */
  readonly upstream: string;
  /** How many of 100 callers the legacy system serves, where the gateway has a route as well. */
  readonly legacyPercent: number;
  /** Whether `x-rookery-upstream: legacy` or `new` overrides the percentage. */
  readonly choiceByHeader: boolean;
  /** Who may use what only the legacy system has under the prefix; undefined: such addresses are not forwarded. */
  readonly access?: 'public' | 'token' | readonly (keyof typeof Scopes)[] | undefined;
  /** Takes the place of the prefix in the address that the legacy system gets. */
  readonly rewritePrefix?: string | undefined;
  /** Headers that pass in both directions beside those of HTTP. */
  readonly passHeaders: readonly string[];
}

const Routes = z.array(Route).superRefine((routes, context) => {
  routes.forEach(({ prefix }, index) => {
    const refuse = (message: string): void => {
      context.addIssue({ code: 'custom', path: [index, 'prefix'], message });
    };
    const taken = reserved.find((path) => isUnder(prefix, path) || isUnder(path, prefix));
    if (taken !== undefined) refuse(`${prefix} is reserved: ${taken} is the gateway’s own; choose another prefix`);
    const other = routes.findIndex((route) => isUnder(prefix, route.prefix) || isUnder(route.prefix, prefix));
    if (other < index) refuse(`${prefix} overlaps with route ${other + 1}: make one route of the two`);
  });
});

/** Whether `path` is `prefix` or lies below it. */
export function isUnder(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

/**
 * The setting `STRANGLER_ROUTES`: a JSON list of routes, empty for none. Refused with all that is wrong, each with the number of
 * its route: unknown fields, an upstream that is no origin, prefixes that overlap or are the gateway's own.
 */
export const stranglerRoutesSetting = z
  .string()
  .default('')
  .transform((text, context): readonly StranglerRoute[] => {
    if (text.trim() === '') return [];
    const parsed = Routes.safeParse(readJson(text));
    if (parsed.success) return parsed.data;
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
  if (typeof index !== 'number') return 'must be a JSON list of routes: [{"prefix":"/legacy","upstream":"http://…"}]';
  return `route ${index + 1}${field.length === 0 ? '' : `, ${field.join('.')}`}: ${message}`;
}

function isOrigin(text: string): boolean {
  // What is no URL at all has been refused for that.
  if (!URL.canParse(text)) return true;
  const { origin } = new URL(text);
  return text.replace(/\/$/, '').toLowerCase() === origin;
}
