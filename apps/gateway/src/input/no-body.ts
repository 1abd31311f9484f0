import type { FastifyInstance } from 'fastify';

/**
 * Takes the media type from requests that say they have no bytes (RFC 9112, 6.3): a Content-Type without content says nothing (RFC 9110, 8.3),
 * and some clients send one with each request. Otherwise it would be read as a body, and refused where none belongs.
 */
export function dropTypeOfNothing(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', ({ raw: { headers } }, _reply, done) => {
    const { 'content-length': length = '0', 'transfer-encoding': coding } = headers;
    if (coding === undefined && Number(length) === 0) delete headers['content-type'];
    done();
  });
}
