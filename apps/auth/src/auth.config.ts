import { z } from 'zod';
import { addressesSetting, commaList, commonConfig, databaseConfig, portSetting, SECRET } from '@rookery/platform';
import { redisConfig } from '@rookery/resilience';
import { internalJwksSetting } from '@rookery/security';
import { mailboxSetting, smtpServerSetting } from './notification/smtp-setting';

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[?::1\]?)$/u;

const isLoopback = (url: string): boolean => {
  const parsed = URL.parse(url);
  return parsed !== null && LOOPBACK.test(parsed.hostname);
};

/** Scheme, host and port only. */
const isOrigin = (text: string): boolean => /^https?:/u.test(text) && URL.parse(text)?.origin === text;

/** The description belongs to the schema with the default, which is the one that is listed. */
const origin = (fallback: string, description: string) =>
  z
    .url({ protocol: /^https?$/u })
    .transform((url) => url.replace(/\/$/u, ''))
    .default(fallback)
    .describe(description);

/** Settings of the auth service. */
export const AuthConfig = z
  .object({
    ...commonConfig,
    ...databaseConfig,
    PORT: portSetting(3001),
    INTERNAL_JWKS: internalJwksSetting,
    OIDC_ISSUER: origin('http://localhost:3001', 'Issuer: the address of this service for browsers'),
    GATEWAY_URL: origin('http://localhost:3000', 'Address of the gateway, whose Swagger UI signs in here'),
    OIDC_INTERNAL_URLS: commaList
      .refine((urls) => urls.every(isOrigin), 'must be addresses like http://auth:3001, separated by commas')
      .describe(
        'Further addresses at which internal processes fetch keys and tokens (the gateway’s OIDC_DISCOVERY_URL), separated by commas; any other host is rejected',
      ),
    KEY_ENCRYPTION_KEY: z
      .string()
      .refine((key) => Buffer.from(key, 'base64url').length === 32, 'must be 32 bytes in base64url')
      .describe('Encrypts signing keys and client secrets in the database; 32 bytes in base64url')
      .meta(SECRET),
    COOKIE_KEYS: commaList
      .refine(
        (keys) => keys.length > 0 && keys.every((key) => key.length >= 32),
        'must be one or more keys of at least 32 characters, separated by commas',
      )
      .describe('Keys that sign cookies, the newest first, separated by commas')
      .meta(SECRET),
    ...redisConfig,
    TOKEN_LIMIT_PER_MINUTE: z.coerce
      .number()
      .int()
      .min(1)
      .max(10_000_000)
      .default(600)
      .describe(
        'Requests per minute and address at the token and device endpoints; the same for log-ins and for pages, and ten times as many for keys',
      ),
    TRUST_PROXY: addressesSetting.describe(
      'Addresses (CIDR) of proxies whose X-Forwarded-* headers are trusted, separated by commas',
    ),
    // #region part:mails
    SMTP_URL: smtpServerSetting
      .optional()
      .describe(
        'Mail server for mails to customers, smtp://user:password@host:587?requireTLS=true; without it no mails are sent',
      )
      .meta(SECRET),
    MAIL_FROM: mailboxSetting
      .optional()
      .describe('Sender of these mails, for example Rookery <no-reply@example.com>; required with SMTP_URL'),
    // #endregion part:mails
    DEMO: z
      .stringbool()
      .default(false)
      .describe('Adds the demo users and clients; only with an issuer on the loopback address'),
    DEMO_MACHINE_SECRET: z
      .string()
      .min(16)
      .default('machine-demo-secret')
      .describe('Secret of the demo client rookery-machine')
      .meta(SECRET),
  })
  .superRefine((config, context) => {
    if (config.DEMO && !isLoopback(config.OIDC_ISSUER)) {
      context.addIssue({
        code: 'custom',
        path: ['DEMO'],
        message: 'must not be true unless OIDC_ISSUER is on localhost: the passwords of the demo are public',
      });
    }
    if (!isLoopback(config.OIDC_ISSUER) && !config.OIDC_ISSUER.startsWith('https:')) {
      context.addIssue({ code: 'custom', path: ['OIDC_ISSUER'], message: 'must be https unless it is on localhost' });
    }
    // #region part:mails
    const smtp = config.SMTP_URL;
    if (smtp === undefined) {
      return;
    }
    if (config.MAIL_FROM === undefined) {
      context.addIssue({ code: 'custom', path: ['MAIL_FROM'], message: 'must be given with SMTP_URL' });
    }
    if (smtp.login !== null && !smtp.secure && !smtp.requireTls && !LOOPBACK.test(smtp.host)) {
      context.addIssue({
        code: 'custom',
        path: ['SMTP_URL'],
        message: 'must be smtps:// or have ?requireTLS=true: otherwise the password is sent unencrypted',
      });
    }
    // #endregion part:mails
  });
export type AuthConfig = z.output<typeof AuthConfig>;

/** Injection token of the settings. */
export const AUTH_CONFIG = Symbol('AUTH_CONFIG');
