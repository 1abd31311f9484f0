import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';

/** Marks a route that only a legacy system answers. */
export const LegacyRoute = () => RouteConfig({ legacy: true });

/** Whether the request is for a route that is marked so. */
export function isLegacyRoute({ routeOptions: { config } }: FastifyRequest): boolean {
  return 'legacy' in config && config.legacy === true;
}
