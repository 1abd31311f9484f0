/** The headers our answers carry, as shared components of the OpenAPI document: always, where a response lists them and they are `required`. */
export const headerComponents = {
  ETag: {
    required: true,
    description: 'Strong entity tag of this representation, for If-None-Match and If-Match',
    schema: { type: 'string' },
  },
  'Cache-Control': { required: true, description: 'How long the answer may be reused', schema: { type: 'string' } },
  Age: {
    description: 'Seconds since the answer was made; only where it may be out of date',
    schema: { type: 'integer' },
  },
  Warning: { description: '`110 - "Response is Stale"` where it may be out of date', schema: { type: 'string' } },
  Location: { required: true, description: 'Path of the new resource', schema: { type: 'string' } },
  'Idempotent-Replayed': {
    description: '`true` when this is the first answer to the same Idempotency-Key again',
    schema: { type: 'string' },
  },
  'X-Correlation-Id': {
    required: true,
    description: 'Id of the request in every log line and event it caused',
    schema: { type: 'string' },
  },
  'RateLimit-Limit': { required: true, description: 'Requests allowed per window', schema: { type: 'integer' } },
  'RateLimit-Remaining': { required: true, description: 'Requests left in this window', schema: { type: 'integer' } },
  'RateLimit-Reset': { required: true, description: 'Seconds until the window ends', schema: { type: 'integer' } },
  'Retry-After': { required: true, description: 'Seconds to wait before trying again', schema: { type: 'integer' } },
  'WWW-Authenticate': { required: true, description: 'What the token lacks (RFC 6750)', schema: { type: 'string' } },
} as const;

/** A header that our answers may have. */
export type ResponseHeader = keyof typeof headerComponents;

/** References to the named headers' components. */
export function responseHeaders(names: readonly ResponseHeader[]): Record<string, { $ref: string }> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}
