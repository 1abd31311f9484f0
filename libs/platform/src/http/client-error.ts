import { ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Headers, PROBLEM_MEDIA_TYPE } from '@rookery/contracts';
import { problemOfStatus } from '../errors/to-problem';
import { logger } from '../logging/logger';
import { uuidv7 } from '../uuid';
import { RAW_SECURITY_HEADERS } from './security-headers';

/**
 * Answers input that never became a request: malformed HTTP (400), a request that does not end (408), headers beyond the limit (431).
 * Node has given up on the connection, so the answer is written by hand and the connection closed. While an earlier request
 * is being answered, the connection is closed without an answer: the client would take it for the answer to that request, which may have taken effect.
 */
export function answerClientError(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable || isAnswering(socket)) {
    socket.destroy();
    return;
  }
  const status = statusOf(error.code);
  const correlationId = uuidv7();
  const body = JSON.stringify({ ...problemOfStatus(status), correlationId });
  logger.info({ correlationId, status, code: error.code }, 'request refused before it was read');
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
      `content-type: ${PROBLEM_MEDIA_TYPE}`,
      `content-length: ${Buffer.byteLength(body)}`,
      `${Headers.correlationId}: ${correlationId}`,
      ...RAW_SECURITY_HEADERS,
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}

/** Node's own handler reads the same field. A response to a request still being received has not started: the error concerns that request. */
function isAnswering(socket: Socket): boolean {
  const response: unknown = '_httpMessage' in socket ? socket._httpMessage : undefined;
  return isResponse(response) && (response.headersSent || response.req.complete);
}

const isResponse = (value: unknown): value is ServerResponse => value instanceof ServerResponse;

function statusOf(code: string | undefined): number {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return 431;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 408;
    default:
      return 400;
  }
}
