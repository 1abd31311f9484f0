import { keepRawBody } from '@rookery/platform';
import { errorCodes, type FastifyInstance, type FastifyRequest } from 'fastify';
import { isLegacyRoute } from './legacy-route';

type Payload = FastifyRequest['raw'];

/**
 * Lets bodies of any media type through to the routes that only a legacy system answers: forms and files too, up to the size that all
 * bodies may have. JSON is read by the parser of all routes first. Everywhere else the answer stays 415.
 */
export function takeAnyBody(fastify: FastifyInstance, limitBytes: number): void {
  fastify.addContentTypeParser('*', (request: FastifyRequest, payload: Payload, done) => {
    if (request.is404) {
      done(null);
      return;
    }
    if (!isLegacyRoute(request)) {
      done(new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE());
      return;
    }
    read(payload, limitBytes, (error, body) => {
      if (body !== undefined) keepRawBody(request.raw, body);
      done(error);
    });
  });
}

/** By events, not by iteration: that would close the connection of a client that shall still read the refusal. */
function read(payload: Payload, limitBytes: number, done: (error: Error | null, body?: Buffer) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  const stop = (): void => {
    payload.off('data', take).off('end', end).off('error', fail);
  };
  const take = (chunk: Buffer): void => {
    size += chunk.length;
    chunks.push(chunk);
    if (size <= limitBytes) return;
    stop();
    done(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE());
  };
  const end = (): void => {
    stop();
    done(null, Buffer.concat(chunks));
  };
  const fail = (error: Error): void => {
    stop();
    done(error);
  };
  payload.on('data', take).once('end', end).once('error', fail);
}
