import { z } from 'zod';
import { Text, Timestamp } from './primitives';
import { defineRpc } from './rpc';

/** Shortest and longest password (NIST SP 800-63B: length, no composition rules; common ones are refused by the service). */
export const PASSWORD_MIN = 12;
export const PASSWORD_MAX = 128;

export const RegisterAccount = z
  .strictObject({
    email: z.email().max(254),
    password: z
      .string()
      .min(PASSWORD_MIN)
      .max(PASSWORD_MAX)
      .refine((value) => !value.includes('\u0000') && value.isWellFormed(), 'must be well-formed Unicode'),
    /** What to call the person; the part of the address before the @ unless given. */
    name: Text(100).optional(),
  })
  .meta({ id: 'RegisterAccount' });
export type RegisterAccount = z.infer<typeof RegisterAccount>;

export const AccountView = z
  .object({ id: z.string(), email: z.string(), name: z.string(), createdAt: Timestamp })
  .meta({ id: 'Account' });
export type AccountView = z.infer<typeof AccountView>;

/** `GET /v1/me`: who the token speaks for. */
export const MeView = z
  .object({
    subject: z.string(),
    clientId: z.string().nullable(),
    roles: z.array(z.string()),
    scopes: z.array(z.string()),
  })
  .meta({ id: 'Me' });
export type MeView = z.infer<typeof MeView>;

export const AuthRpc = {
  register: defineRpc({
    service: 'auth',
    name: 'register',
    kind: 'command',
    idempotency: 'key',
    scopes: [],
    request: RegisterAccount,
    response: AccountView,
    summary: 'Registers a customer account',
  }),
} as const;
