import { errorCodes, type FastifyInstance, type FastifyRequest } from 'fastify';
import { keepRawBody } from '@rookery/platform';
import { isLegacyRoute } from './legacy-route';

type Payload = FastifyRequest['raw'];

/**
 * Accepts bodies of any media type, including forms and files, on the routes that only a legacy system serves, up to the common size
 * limit. JSON still goes through the parser of all routes first. All other routes keep answering 415.
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
      if (body !== undefined) {
        keepRawBody(request.raw, body);
      }
      done(error);
    });
  });
}

/** By events, because an iteration would close the connection before the client has read the rejection. */
function read(payload: Payload, limitBytes: number, done: (error: Error | null, body?: Buffer) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  const stop = (): void => {
    payload.off('data', take).off('end', end).off('error', fail);
  };
  const take = (chunk: Buffer): void => {
    size += chunk.length;
    chunks.push(chunk);
    if (size <= limitBytes) {
      return;
    }
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
