#!/usr/bin/env bash
# oidc-provider 9.13.3, rotateRefreshToken: a refresh that is refused for its `resource` (400 invalid_target) has used the refresh token up.
# The same client's next, correct request is 400 invalid_grant, as if the token had been stolen: a mistake in one parameter logs a person out.
# Seen on 2026-11-30 with the library's own in-memory adapter. Exits 0 while this is so, 1 when it has changed.
# Why it matters here: apps/auth checks what can be refused before the token is consumed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private":true,"type":"module"}' >package.json
npm install --silent --no-audit --no-fund --save-exact oidc-provider@9.13.3

cat >try.mjs <<'JS'
import { once } from 'node:events';
import Provider, { errors } from 'oidc-provider';

const API = 'urn:example:api';
const provider = new Provider('http://localhost', {
  clients: [
    {
      client_id: 'client',
      client_secret: 'secret',
      application_type: 'native',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: ['http://localhost/callback'],
    },
  ],
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  rotateRefreshToken: true,
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo(_ctx, resource) {
        if (resource !== API) throw new errors.InvalidTarget();
        return { scope: 'read', accessTokenFormat: 'opaque' };
      },
    },
  },
});
const server = provider.listen(0, '127.0.0.1');
await once(server, 'listening');

const grant = new provider.Grant({ accountId: 'person', clientId: 'client' });
grant.addOIDCScope('openid offline_access');
grant.addResourceScope(API, 'read');
const token = new provider.RefreshToken({
  accountId: 'person',
  client: await provider.Client.find('client'),
  grantId: await grant.save(),
  gty: 'authorization_code',
  scope: 'openid offline_access read',
  resource: API,
  claims: {},
  iiat: Math.floor(Date.now() / 1000),
  rotations: 0,
});
const refresh_token = await token.save();

async function refresh(resource) {
  const response = await fetch(`http://127.0.0.1:${server.address().port}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('client:secret')}` },
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token, resource }),
  });
  return `${response.status} ${(await response.json()).error ?? 'answered'}`;
}
console.log(`unknown resource: ${await refresh('urn:example:other')}`);
console.log(`then the granted one: ${await refresh(API)}`);
server.close();
JS

seen=$(node try.mjs 2>/dev/null | grep -v '^oidc-provider')
expected='unknown resource: 400 invalid_target
then the granted one: 400 invalid_grant'
echo "$seen"
[ "$seen" = "$expected" ] || { echo "This has changed: the check before the token is consumed may be deleted." >&2; exit 1; }
