import type { FastifyInstance } from 'fastify';

/**
 * Removes the Content-Type of requests without a body (RFC 9112, 6.3): without content it has no meaning (RFC 9110, 8.3), and some
 * clients send it with every request. Otherwise the request would be parsed as having a body, and rejected where none is allowed.
 */
export function dropContentTypeWithoutBody(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', ({ raw: { headers } }, _reply, done) => {
    const { 'content-length': length = '0', 'transfer-encoding': coding } = headers;
    if (coding === undefined && Number(length) === 0) {
      delete headers['content-type'];
    }
    done();
  });
}
