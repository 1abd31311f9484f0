import { parseConfig } from '@rookery/platform';
import { internalKeys } from '@rookery/testing';
import { GatewayConfig } from './gateway.config';

const read = async (env: Readonly<Record<string, string>>) => {
  const { signingKeySettingOf } = await internalKeys();
  const common = { NATS_URL: 'nats://127.0.0.1:4222', NATS_NKEY_SEED: `SU${'A'.repeat(56)}` };
  const keys = { INTERNAL_SIGNING_KEY: signingKeySettingOf('gateway'), CURSOR_KEY: 'A'.repeat(43) };
  return parseConfig(GatewayConfig, { ...common, ...keys, ...env });
};

describe('the settings of the issuer', () => {
  const told = async (env: Readonly<Record<string, string>>) => {
    const result = await read(env);
    return result.ok
      ? { algorithms: result.config.OIDC_ALGORITHMS, type: result.config.OIDC_TOKEN_TYPE }
      : result.bad.map(({ name }) => name);
  };

  it('are ES256 and at+jwt by default', async () => {
    expect(await told({})).toEqual({ algorithms: ['ES256'], type: 'at+jwt' });
    expect(await told({ OIDC_ALGORITHMS: '', OIDC_TOKEN_TYPE: '' })).toEqual({ algorithms: ['ES256'], type: 'at+jwt' });
  });

  it('may name several algorithms', async () => {
    const env = { OIDC_ALGORITHMS: 'RS256, PS256', OIDC_TOKEN_TYPE: 'JWT' };
    expect(await told(env)).toEqual({ algorithms: ['RS256', 'PS256'], type: 'JWT' });
  });

  it.each(['none', 'HS256', 'ES256,HS256', 'es256', 'ES256,none', ','])(
    'never accept %s: no algorithm without a key pair',
    async (algorithms) => {
      expect(await told({ OIDC_ALGORITHMS: algorithms })).toEqual(['OIDC_ALGORITHMS']);
    },
  );

  it.each(['*', 'at+jwt,JWT', 'id_token'])('never accept the type %s', async (type) => {
    expect(await told({ OIDC_TOKEN_TYPE: type })).toEqual(['OIDC_TOKEN_TYPE']);
  });
});

describe('the settings of origins and proxies', () => {
  const badNames = async (env: Readonly<Record<string, string>>) => {
    const result = await read(env);
    return result.ok ? [] : result.bad.map(({ name }) => name);
  };

  it.each(['https://shop.example, http://localhost:4200', ''])('accept the origins "%s"', async (origins) => {
    expect(await badNames({ CORS_ORIGINS: origins })).toEqual([]);
  });

  it.each(['*', 'null', 'https://shop.example/', 'https://Shop.example', 'shop.example', 'https://shop.example:443'])(
    'reject the origin %s, which no browser or every browser could send',
    async (origin) => {
      expect(await badNames({ CORS_ORIGINS: `https://admin.example, ${origin}` })).toEqual(['CORS_ORIGINS']);
    },
  );

  it.each(['10.0.0.0/8, ::1', '2001:db8::/32', '127.0.0.1', ''])('accept the proxies "%s"', async (proxies) => {
    expect(await badNames({ TRUST_PROXY: proxies })).toEqual([]);
  });

  it.each(['10.0.0.0/33', '10.0.0', 'ingress', '::1/129', '10.0.0.0/8/8', '10.0.0.0/'])(
    'reject the proxy %s',
    async (proxy) => {
      expect(await badNames({ TRUST_PROXY: proxy })).toEqual(['TRUST_PROXY']);
    },
  );
});
