import type { FastifyInstance } from 'fastify';

interface KnownRoute {
  readonly pattern: RegExp;
  readonly method: string;
}

/** Records the methods of each path, to distinguish 405 from 404. */
export class KnownRoutes {
  private readonly routes: KnownRoute[] = [];

  /** Call before routes are added. */
  watch(fastify: FastifyInstance): void {
    fastify.addHook('onRoute', ({ url, method }) => {
      // The CORS preflight is answered at every path, so it does not make a path known.
      if (url === '*' && [method].flat().every((name) => name === 'OPTIONS')) {
        return;
      }
      const pattern = toPattern(url);
      for (const name of [method].flat()) {
        this.routes.push({ pattern, method: name });
      }
    });
  }

  /** The methods of a path, sorted; empty for an unknown path. */
  methodsAt(path: string): readonly string[] {
    const known = this.routes.filter((route) => route.pattern.test(path)).map((route) => route.method);
    return [...new Set(known)].sort();
  }
}

function toPattern(url: string): RegExp {
  const source = url
    .split('/')
    .map((segment) => {
      if (segment.startsWith(':')) {
        return '[^/]+';
      }
      return segment === '*' ? '.*' : segment.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
    })
    .join('/');
  return new RegExp(`^${source}$`);
}
