import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';

/** Marks a route that only a legacy system serves. */
export const LegacyRoute = () => RouteConfig({ legacy: true });

/** Whether the request is for a route with this mark. */
export function isLegacyRoute({ routeOptions: { config } }: FastifyRequest): boolean {
  return 'legacy' in config && config.legacy === true;
}
