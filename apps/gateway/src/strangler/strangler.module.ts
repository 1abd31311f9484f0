import { lookup } from 'node:dns/promises';
import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { logger, Metrics, Readiness, UnusableSetting } from '@rookery/platform';
import { AccessTokenVerifier } from '@rookery/security';
import { LegacyProxy } from './legacy-proxy';
import { legacyController } from './legacy.controller';
import { type OwnRoute, ownRoutesOf } from './own-routes';
import { isUnder, type StranglerRoute } from './strangler-routes';
import { StranglerGuard } from './strangler.guard';
import { StranglerMetrics } from './strangler.metrics';

/** Forwards requests that a legacy system still serves (strangler fig). Not imported without routes, so that it costs nothing. */
@Module({})
export class StranglerModule {
  static forRoot(
    routes: readonly StranglerRoute[],
    { publicUrl, ownControllers }: { readonly publicUrl: string; readonly ownControllers: readonly Type[] },
  ): DynamicModule {
    const ownRoutes = ownRoutesOf(ownControllers);
    return {
      module: StranglerModule,
      controllers: routes
        .filter(({ access }) => access !== undefined)
        .map((route) => legacyController(route, ownRoutes)),
      providers: [
        {
          provide: LegacyProxy,
          inject: [AccessTokenVerifier, Readiness],
          useFactory: async (tokens: AccessTokenVerifier, readiness: Readiness) => {
            for (const route of routes) {
              rejectUselessRoute(route, ownRoutes, publicUrl);
            }
            await Promise.all(routes.map(rejectUnknownHost));
            return new LegacyProxy(routes, publicUrl, tokens, readiness);
          },
        },
        {
          provide: StranglerMetrics,
          inject: [Metrics],
          useFactory: (metrics: Metrics) => new StranglerMetrics(metrics),
        },
        {
          provide: StranglerGuard,
          inject: [LegacyProxy, StranglerMetrics],
          useFactory: (proxy: LegacyProxy, metrics: StranglerMetrics) => new StranglerGuard(routes, proxy, metrics),
        },
      ],
    };
  }
}

function rejectUselessRoute(
  { prefix, access, upstream, legacyPercent, choiceByHeader }: StranglerRoute,
  ownRoutes: readonly OwnRoute[],
  publicUrl: string,
): void {
  if (new URL(publicUrl).origin === upstream) {
    throw new UnusableSetting(`STRANGLER_ROUTES: the upstream of ${prefix} is this gateway. Name the legacy system.`);
  }
  if (ownRoutes.some(({ path }) => isUnder(path, prefix))) {
    return;
  }
  if (access === undefined) {
    throw new UnusableSetting(
      `STRANGLER_ROUTES: the gateway has no route under ${prefix}. Correct the prefix, or state in "access" who may use the routes of the legacy system.`,
    );
  }
  if (legacyPercent !== 100 || choiceByHeader) {
    throw new UnusableSetting(
      `STRANGLER_ROUTES: the gateway has no route under ${prefix}, so there is nothing to split. Remove legacyPercent and choiceByHeader.`,
    );
  }
}

/** A name that does not exist is a typing error; a resolver that does not respond is not. */
async function rejectUnknownHost({ prefix, upstream }: StranglerRoute): Promise<void> {
  const { hostname } = new URL(upstream);
  try {
    await lookup(hostname.replace(/^\[|\]$/g, ''));
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOTFOUND') {
      throw new UnusableSetting(
        `STRANGLER_ROUTES: the host ${hostname} does not exist. Correct the upstream of ${prefix}.`,
      );
    }
    logger.warn({ err: error, upstream }, 'could not resolve the host of a legacy system');
  }
}
