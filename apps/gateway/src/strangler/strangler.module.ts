import { lookup } from 'node:dns/promises';
import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { logger, Metrics, Readiness, UnusableSetting } from '@rookery/platform';
import { AccessTokenVerifier } from '@rookery/security';
import { legacyController } from './legacy.controller';
import { LegacyProxy } from './legacy-proxy';
import { ownRoutesOf, type OwnRoute } from './own-routes';
import { StranglerGuard } from './strangler.guard';
import { StranglerMetrics } from './strangler.metrics';
import { isUnder, type StranglerRoute } from './strangler-routes';

/** Forwards what a legacy system still answers (strangler fig). Not imported when there are no routes: then nothing of it exists. */
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
            for (const route of routes) refuseUseless(route, ownRoutes, publicUrl);
            await Promise.all(routes.map(refuseUnknownHost));
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

function refuseUseless(
  { prefix, access, upstream, legacyPercent, choiceByHeader }: StranglerRoute,
  ownRoutes: readonly OwnRoute[],
  publicUrl: string,
): void {
  if (new URL(publicUrl).origin === upstream) {
    throw new UnusableSetting(`STRANGLER_ROUTES: the upstream of ${prefix} is this gateway. Name the legacy system.`);
  }
  if (ownRoutes.some(({ path }) => isUnder(path, prefix))) return;
  if (access === undefined) {
    throw new UnusableSetting(
      `STRANGLER_ROUTES: the gateway has no route under ${prefix}. Mend the prefix, or say by "access" who may use what only the legacy system has.`,
    );
  }
  if (legacyPercent !== 100 || choiceByHeader) {
    throw new UnusableSetting(
      `STRANGLER_ROUTES: the gateway has no route under ${prefix}, so that there is nothing to choose. Leave out legacyPercent and choiceByHeader.`,
    );
  }
}

/** A name that does not exist is a slip of the pen; a resolver that does not answer now is not. */
async function refuseUnknownHost({ prefix, upstream }: StranglerRoute): Promise<void> {
  const { hostname } = new URL(upstream);
  try {
    await lookup(hostname.replace(/^\[|\]$/g, ''));
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOTFOUND') {
      throw new UnusableSetting(`STRANGLER_ROUTES: there is no host ${hostname}. Mend the upstream of ${prefix}.`);
    }
    logger.warn({ err: error, upstream }, 'the host of a legacy system could not be looked up');
  }
}
