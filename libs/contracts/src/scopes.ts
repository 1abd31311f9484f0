/** OAuth 2.0 scopes of the public API and what each lets its holder do. */
export const Scopes = {
  'catalog:write': 'Create, change and archive products and adjust their stock',
  'orders:read': 'Read own orders and payments (operators: all)',
  'orders:write': 'Place and cancel own orders',
  'ops:read': 'Read operational data',
  'ops:write': 'Replay and discard dead letters',
} as const;

export type Scope = keyof typeof Scopes;

/** Roles a subject can have. An operator sees and cancels every customer's orders. */
export const Roles = ['customer', 'operator'] as const;
export type Role = (typeof Roles)[number];

/** Audience of every access token for the public API. */
export const API_AUDIENCE = 'rookery-api';
