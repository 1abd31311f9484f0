/** Response headers as shared components of the OpenAPI document; a response that lists a `required` one always has it. */
export const headerComponents = {
  ETag: {
    required: true,
    description: 'Strong entity tag of this representation, for If-None-Match and If-Match',
    schema: { type: 'string' },
  },
  'Cache-Control': { required: true, description: 'How long the response may be reused', schema: { type: 'string' } },
  Age: {
    description: 'Seconds since the response was generated; only if it may be stale',
    schema: { type: 'integer' },
  },
  Warning: { description: '`110 - "Response is Stale"` if it may be stale', schema: { type: 'string' } },
  Location: { required: true, description: 'Path of the new resource', schema: { type: 'string' } },
  'Idempotent-Replayed': {
    description: '`true` if this is the stored response to the same Idempotency-Key',
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
  'Retry-After': { required: true, description: 'Seconds to wait before a retry', schema: { type: 'integer' } },
  'WWW-Authenticate': { required: true, description: 'What the token lacks (RFC 6750)', schema: { type: 'string' } },
} as const;

/** A response header of this API. */
export type ResponseHeader = keyof typeof headerComponents;

/** References to the named headers' components. */
export function responseHeaders(names: readonly ResponseHeader[]): Record<string, { $ref: string }> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}
