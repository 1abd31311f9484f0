import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorPage } from '../pages/error.page';
import { pageHeaders } from '../pages/page';

/** Where people are, with cookies. Keys, discovery and tokens are also fetched inside of the cluster, where TLS is the mesh's. */
const PAGES = /^\/(?:auth|device|session)(?=$|[/?])/u;

/** Whether this request came unencrypted to a page whose cookies must not go that way: the provider would fail on setting them. */
export function needsTls({ url = '', headers }: IncomingMessage): boolean {
  const [proto = ''] = String(headers['x-forwarded-proto'] ?? '').split(',');
  return PAGES.test(url) && proto.trim() !== 'https';
}

/** Says so to the person in front of it. */
export function refusePlainHttp(response: ServerResponse): void {
  const page = errorPage('This did not work', 'Open this page over https.', 'invalid_request');
  response.writeHead(400, { ...pageHeaders() }).end(page);
}
