import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { PlatformModule, UnusableSetting } from '@rookery/platform';
import { SecurityModule } from '@rookery/security';
import { internalKeys } from '@rookery/testing';
import { apiControllers } from '../api-controllers';
import { LegacyProxy } from './legacy-proxy';
import type { StranglerRoute } from './strangler-routes';
import { StranglerModule } from './strangler.module';

const PUBLIC_URL = 'http://localhost:3000';
const base: StranglerRoute = {
  prefix: '/legacy',
  upstream: 'http://127.0.0.1:8080',
  legacyPercent: 100,
  choiceByHeader: false,
  passHeaders: [],
  access: 'token',
};

async function start(route: Partial<StranglerRoute>): Promise<void> {
  const signingKey = (await internalKeys()).signingKeySettingOf('gateway');
  @Module({
    imports: [
      PlatformModule,
      SecurityModule.forHttp({
        issuer: 'http://localhost:3001',
        audience: 'rookery-api',
        caller: 'gateway',
        signingKey,
      }),
      StranglerModule.forRoot([{ ...base, ...route }], { publicUrl: PUBLIC_URL, ownControllers: apiControllers }),
    ],
  })
  class Edge {}
  const context = await NestFactory.createApplicationContext(Edge, { logger: false, abortOnError: false });
  expect(context.get(LegacyProxy)).toBeInstanceOf(LegacyProxy);
  await context.close();
}

describe('the start with routes to a legacy system', () => {
  it.each([
    ['a prefix that only the legacy system has', {}],
    ['a prefix that the gateway serves too', { prefix: '/v1/products', access: undefined, legacyPercent: 5 }],
    ['an unreachable host', { upstream: 'http://127.0.0.1:9' }],
  ])('succeeds with %s', async (_what, route) => {
    await expect(start(route)).resolves.toBeUndefined();
  });

  it.each([
    ['a host that does not exist', { upstream: `http://${'x'.repeat(64)}.internal` }, 'the host xxx'],
    ['itself as the legacy system', { upstream: PUBLIC_URL }, 'the upstream of /legacy is this gateway'],
    ['a prefix without a gateway route and without access', { access: undefined }, 'no route under /legacy. Correct'],
    ['a misspelled prefix', { prefix: '/v1/product', access: undefined }, 'no route under /v1/product'],
    ['a percentage without a gateway route', { legacyPercent: 50 }, 'nothing to split. Remove legacyPercent'],
    ['a header without a gateway route', { choiceByHeader: true }, 'nothing to split. Remove'],
  ])('fails with %s, and names the correction', async (_what, route, text) => {
    const failure = start(route);
    await expect(failure).rejects.toThrow(text);
    await expect(failure).rejects.toThrow(UnusableSetting);
    await expect(failure).rejects.toThrow('STRANGLER_ROUTES: ');
  });
});
