import type { FastifyInstance } from 'fastify';

interface KnownRoute {
  readonly pattern: RegExp;
  readonly method: string;
}

/** Remembers which methods each address knows, to tell 405 from 404. */
export class KnownRoutes {
  private readonly routes: KnownRoute[] = [];

  /** Call before routes are added. */
  watch(fastify: FastifyInstance): void {
    fastify.addHook('onRoute', ({ url, method }) => {
      // The preflight of CORS is answered at every address: it makes none of them known.
      if (url === '*' && [method].flat().every((name) => name === 'OPTIONS')) return;
      const pattern = toPattern(url);
      for (const name of [method].flat()) this.routes.push({ pattern, method: name });
    });
  }

  /** Methods that the address knows, sorted; empty when nothing is there. */
  methodsAt(path: string): readonly string[] {
    const known = this.routes.filter((route) => route.pattern.test(path)).map((route) => route.method);
    return [...new Set(known)].sort();
  }
}

function toPattern(url: string): RegExp {
  const source = url
    .split('/')
    .map((segment) => {
      if (segment.startsWith(':')) return '[^/]+';
      return segment === '*' ? '.*' : segment.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
    })
    .join('/');
  return new RegExp(`^${source}$`);
}
