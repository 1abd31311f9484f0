import { randomBytes } from 'node:crypto';
import { parseConfig } from '@rookery/platform';
import { AuthConfig } from './auth.config';

const settings = {
  DATABASE_URL: 'postgres://auth:pw@127.0.0.1:5433/auth',
  NATS_URL: 'nats://127.0.0.1:4223',
  NATS_NKEY_SEED: `SU${'A'.repeat(56)}`,
  INTERNAL_JWKS: JSON.stringify({
    keys: [
      {
        kty: 'EC',
        crv: 'P-256',
        kid: 'gateway',
        x: randomBytes(32).toString('base64url'),
        y: randomBytes(32).toString('base64url'),
      },
    ],
  }),
  KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64url'),
  COOKIE_KEYS: randomBytes(32).toString('base64url'),
};
const badNames = (overrides: Readonly<Record<string, string>>) => {
  const result = parseConfig(AuthConfig, { ...settings, ...overrides });
  return result.ok ? [] : result.bad.map(({ name }) => name);
};

describe('the settings of auth', () => {
  it('are complete with the settings of the stack', () => {
    expect(badNames({ DEMO: 'true' })).toEqual([]);
  });

  it('reject the demo users if the issuer is not on the loopback address', () => {
    expect(badNames({ DEMO: 'true', OIDC_ISSUER: 'https://id.example.com' })).toEqual(['DEMO']);
    expect(badNames({ DEMO: 'false', OIDC_ISSUER: 'https://id.example.com' })).toEqual([]);
  });

  it('reject an issuer without TLS, except on localhost', () => {
    expect(badNames({ OIDC_ISSUER: 'http://id.example.com' })).toEqual(['OIDC_ISSUER']);
    expect(badNames({ OIDC_ISSUER: 'http://127.0.0.1:3001' })).toEqual([]);
    expect(badNames({ OIDC_ISSUER: 'http://localhost.evil.example' })).toEqual(['OIDC_ISSUER']);
  });

  // #region part:mails
  it('need no mail server, and with one a sender', () => {
    expect(badNames({ SMTP_URL: 'smtp://localhost:1025' })).toEqual(['MAIL_FROM']);
    expect(badNames({ SMTP_URL: 'smtp://localhost:1025', MAIL_FROM: 'Shop <shop@example.com>' })).toEqual([]);
    expect(badNames({ SMTP_URL: '', MAIL_FROM: 'shop@example.com' })).toEqual([]);
  });
  // #endregion part:mails

  // #region part:mails
  it('reject a mail server whose password would be sent unencrypted, except on localhost', () => {
    const badUrls = (...urls: readonly string[]) =>
      urls.filter((SMTP_URL) => badNames({ SMTP_URL, MAIL_FROM: 'shop@example.com' }).includes('SMTP_URL'));
    const mail = 'smtp://user:password@mail.example.com';
    expect(
      badUrls(mail, `${mail}?requireTLS=true`, mail.replace('smtp:', 'smtps:'), 'smtp://mail.example.com'),
    ).toEqual([mail]);
    expect(badUrls('smtp://user:password@localhost', 'smtp://user:password@[::1]:25')).toEqual([]);
  });
  // #endregion part:mails

  it('accept other names of the service as scheme, host and port only, and have none by default', () => {
    const bad = ['auth', 'http://auth/', 'http://auth/path', 'ftp://auth', 'http://user@auth', '*'];
    expect(bad.filter((OIDC_INTERNAL_URLS) => badNames({ OIDC_INTERNAL_URLS }).length === 0)).toEqual([]);
    expect(badNames({ OIDC_INTERNAL_URLS: 'http://auth, http://auth.shop.svc:3001,https://auth' })).toEqual([]);
    expect(parseConfig(AuthConfig, settings)).toMatchObject({ ok: true, config: { OIDC_INTERNAL_URLS: [] } });
  });

  it('reject short keys', () => {
    expect(badNames({ KEY_ENCRYPTION_KEY: 'c2hvcnQ', COOKIE_KEYS: 'short' })).toEqual([
      'KEY_ENCRYPTION_KEY',
      'COOKIE_KEYS',
    ]);
  });
});
