import { createServer, type IncomingMessage, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { connectionOf, runOperator } from './program';

const AT = '2026-11-25T10:00:00.000Z';
const ORDER = '01a20660-dcef-7621-b1a2-c4e3685387f6';

const letter = (id: string) => ({
  id,
  consumer: 'orders',
  event: 'PaymentReserved',
  type: null,
  eventId: null,
  aggregateId: null,
  reason: 'handler-failed',
  attempts: 5,
  originalSubject: 'events.payments.payment.payment-reserved.v1',
  originalStream: 'PAYMENTS',
  originalSequence: 3,
  correlationId: null,
  causationId: null,
  at: AT,
  headers: {},
});

const part = (total: number, next: string | null) => ({
  from: AT,
  to: AT,
  orders: 10,
  inFlight: 1,
  products: 2,
  differences: Array.from({ length: total }, () => ({
    kind: 'payment-missing',
    orderId: ORDER,
    paymentId: null,
    productId: null,
    says: { orders: 'Confirmed', payments: 'none' },
  })),
  total,
  next,
});

const order = {
  id: ORDER,
  waitsFor: 'nothing: Confirmed',
  order: null,
  payment: null,
  reservation: null,
  services: [],
  timeline: [],
  deadLetters: { items: [], complete: true },
};

interface Answer {
  readonly status?: number;
  readonly body?: unknown;
  /** Closes the connection in the middle of the body. */
  readonly cut?: true;
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe('the operator’s program', () => {
  let server: Server;
  let url: string;
  let answer: (request: IncomingMessage) => Answer;
  let requests: string[];

  beforeAll(async () => {
    server = createServer((request, response) => {
      void text(request).then((sent) => {
        requests.push(`${request.method} ${request.url} ${request.headers.authorization} ${sent}`.trim());
        const { status = 200, body, cut } = answer(request);
        if (cut === true) {
          response.writeHead(status, { 'content-length': 100 }).write('{', () => response.destroy());
          return;
        }
        response.writeHead(status, { connection: 'close' }).end(typeof body === 'string' ? body : JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = z.object({ port: z.int() }).parse(server.address());
    url = `http://127.0.0.1:${port}`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  beforeEach(() => {
    requests = [];
    answer = () => ({ status: 500, body: 'unexpected' });
  });

  const run = async (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> => {
    let [stdout, stderr] = ['', ''];
    const code = await runOperator(args, () => connectionOf({ GATEWAY_URL: url, ROOKERY_TOKEN: 'token', ...env }), {
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
    });
    return { code, stdout, stderr };
  };

  it.each([
    [['--help']],
    [['dead-letters', '--help']],
    [['dead-letters', 'list', '--help']],
    [['dead-letters', 'show', '--help']],
    [['dead-letters', 'replay', '--help']],
    [['dead-letters', 'discard', '--help']],
    [['orders', '--help']],
    [['orders', 'why', '--help']],
    [['reconcile', '--help']],
  ])('%j exits with 0, prints the usage and sends nothing', async (args) => {
    const { code, stdout, stderr } = await run(args, { GATEWAY_URL: '', ROOKERY_TOKEN: '' });
    expect([code, stderr, requests]).toEqual([0, '', []]);
    expect(stdout).toMatch(/^Usage: operator /);
  });

  it.each([
    [['frobnicate'], /unknown command 'frobnicate'/],
    [['dead-letters', 'list', '--everything'], /unknown option '--everything'/],
    [['dead-letters', 'list', 'orders-1'], /too many arguments/],
    [['dead-letters', 'show'], /missing required argument 'id'/],
    [['dead-letters', 'show', 'order-1'], /order-1 is not the id of a dead letter/],
    [['dead-letters', 'replay'], /Give the ids to replay, or --all/],
    [['dead-letters', 'replay', '--all', 'orders-1'], /Give the ids to replay, or --all/],
    [['dead-letters', 'discard'], /missing required argument 'ids'/],
    [['orders', 'why', '17'], /17 is not the id of an order/],
    [['reconcile', '--since', 'yesterday'], /"yesterday" is not a time/],
  ])('%j exits with 2, one message and no request', async (args, message) => {
    const { code, stdout, stderr } = await run(args);
    expect([code, stdout, requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it.each([
    [{ ROOKERY_TOKEN: '' }, 2, /^ROOKERY_TOKEN is not set/],
    [{ GATEWAY_URL: ' ' }, 2, /^GATEWAY_URL is not set/],
    [{ GATEWAY_URL: 'api.example.com' }, 2, /^GATEWAY_URL "api.example.com" is not an http or https address/],
    [{ GATEWAY_URL: 'http://127.0.0.1:9' }, 1, /^http:\/\/127\.0\.0\.1:9 does not answer/],
  ])('%j: says what is missing', async (env, expected, message) => {
    const { code, stdout, stderr } = await run(['dead-letters', 'list'], env);
    expect([code, stdout]).toEqual([expected, '']);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('names the scope that the token lacks', async () => {
    const detail = 'This request needs an access token with the scope ops:write.';
    answer = () => ({ status: 403, body: problem(403, 'auth.insufficient-scope', detail) });
    const { code, stderr } = await run(['dead-letters', 'discard', 'orders-1']);
    expect([code, stderr]).toEqual([1, `orders-1: ${detail}\n1 of 1 failed.\n`]);
  });

  it('tells an expired token from one that is refused', async () => {
    answer = () => ({ status: 401, body: problem(401, 'auth.invalid-token', 'The access token is not valid.') });
    const expired = ['e30', Buffer.from('{"exp":1764064800}').toString('base64url'), 's'].join('.');
    const { stderr } = await run(['dead-letters', 'list'], { ROOKERY_TOKEN: expired });
    expect(stderr).toBe('The access token expired at 2025-11-25T10:00:00.000Z: obtain a new one.\n');
    expect((await run(['dead-letters', 'list'])).stderr).toBe('The access token is not valid.\n');
  });

  it('says so when something else answers there', async () => {
    answer = () => ({ body: '<html>' });
    expect((await run(['dead-letters', 'list'])).stderr).toBe(
      `${url} is not a Rookery gateway. Check GATEWAY_URL, and that the gateway runs.\n`,
    );
    answer = () => ({ body: {} });
    expect((await run(['dead-letters', 'list'])).stderr).toMatch(/answers in another format \(items, nextCursor\)/);
  });

  it('reports the status of an error page that a proxy sends', async () => {
    answer = () => ({ status: 502, body: '<html>' });
    expect((await run(['dead-letters', 'list'])).stderr).toBe(`${url} answered 502.\n`);
  });

  it('exits a reconciliation with 2 when the answer breaks off, because no difference was found', async () => {
    answer = () => ({ cut: true });
    const { code, stdout, stderr } = await run(['reconcile']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe(`${url} does not answer. Check GATEWAY_URL, and that the gateway runs.\n`);
  });

  it('lists dead letters of all pages, for people and as JSON', async () => {
    answer = ({ url: path }) =>
      path?.includes('cursor=next') === true
        ? { body: { items: [letter('orders-2')], nextCursor: null } }
        : { body: { items: [letter('orders-1')], nextCursor: 'next' } };
    const { code, stdout } = await run(['dead-letters', 'list']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^orders-1 .*PaymentReserved.*handler-failed, 5 attempts\norders-2 .*\n2 in all\.\n$/);
    expect(requests[0]).toBe('GET /v1/ops/dead-letters?limit=100 Bearer token');
    const json: unknown = JSON.parse((await run(['dead-letters', 'list', '--json'])).stdout);
    expect(json).toEqual([letter('orders-1'), letter('orders-2')]);
  });

  it('replays each letter, also after one failed, and exits with 1 then', async () => {
    answer = ({ url: path }) => {
      const id = path?.split('/').at(-2);
      return { body: { id, ...(id === 'orders-1' ? failed : { outcome: 'handled', reason: null }) } };
    };
    const failed = { outcome: 'failed', reason: 'handler-failed' };
    const { code, stdout, stderr } = await run(['dead-letters', 'replay', 'orders-1', 'orders-2']);
    expect([code, stdout]).toEqual([1, 'orders-2: handled\n']);
    expect(stderr).toBe('orders-1: failed again (handler-failed); the letter stays\n1 of 2 failed.\n');
    const json: unknown = JSON.parse((await run(['dead-letters', 'replay', 'orders-2', '--json'])).stdout);
    expect(json).toEqual([{ id: 'orders-2', outcome: 'handled', reason: null }]);
  });

  it('replays all of them when asked to', async () => {
    answer = ({ method }) =>
      method === 'GET'
        ? { body: { items: [letter('orders-1')], nextCursor: null } }
        : { body: { id: 'orders-1', outcome: 'handled', reason: null } };
    expect(await run(['dead-letters', 'replay', '--all'])).toMatchObject({ code: 0, stdout: 'orders-1: handled\n' });
    answer = () => ({ body: { items: [], nextCursor: null } });
    expect(await run(['dead-letters', 'replay', '--all'])).toMatchObject({ code: 0, stdout: 'No dead letters.\n' });
  });

  it('explains an order', async () => {
    answer = () => ({ body: order });
    const { code, stdout } = await run(['orders', 'why', ORDER.toUpperCase()]);
    expect(code).toBe(0);
    expect(stdout).toContain('waits for: nothing: Confirmed');
    expect(requests).toEqual([`GET /v1/ops/orders/${ORDER} Bearer token`]);
    expect(JSON.parse((await run(['orders', 'why', ORDER, '--json'])).stdout)).toEqual(order);
  });

  it('exits with 0 when a reconciliation finds nothing, and asks for the last day by default', async () => {
    answer = () => ({ body: part(0, null) });
    const { code, stdout } = await run(['reconcile']);
    expect(code).toBe(0);
    const [, since = ''] =
      /^POST \/v1\/ops\/reconciliations Bearer token \{"since":"(.*)"\}$/.exec(requests[0] ?? '') ?? [];
    expect(Math.abs(Date.now() - 86_400_000 - Date.parse(since))).toBeLessThan(60_000);
    expect(stdout).toMatch(/^Compared 10 orders placed from .*\nthe stock of 2 products .*\nAll agree\.\n$/);
  });

  it('says that no order was compared, and which ones are too young for it', async () => {
    answer = () => ({ body: { ...part(0, null), orders: 0 } });
    const { code, stdout } = await run(['reconcile', '--since', '1m']);
    expect(code).toBe(0);
    expect(stdout).toContain(`No order was compared. Orders placed after ${AT} are too young`);
  });

  it('joins the parts of a reconciliation, and exits with 1 when something differs', async () => {
    const parts = [part(1, ORDER), part(2, null)];
    answer = () => ({ body: parts.shift() });
    const { code, stdout, stderr } = await run(['reconcile', '--since', '7d']);
    expect(code).toBe(1);
    expect(stdout.match(/^payment-missing +order \S+ {2}orders: Confirmed \| payments: none$/gm)).toHaveLength(3);
    expect(stdout).toContain('Differences: 3.');
    expect(stderr).toContain('… 10 orders');
    parts.push(part(1, ORDER), part(0, null));
    const json: unknown = JSON.parse((await run(['reconcile', '--json'])).stdout);
    expect(json).toMatchObject({ orders: 20, inFlight: 2, products: 2, total: 1 });
  });

  it('exits with 2 when a reconciliation does not complete', async () => {
    answer = () => ({ status: 503, body: problem(503, 'service-unavailable', 'payments does not respond.') });
    const { code, stderr } = await run(['reconcile']);
    expect([code, stderr]).toEqual([2, 'service-unavailable: payments does not respond.\n']);
  });
});

const problem = (status: number, code: string, detail: string) => ({
  type: `urn:rookery:problem:${code}`,
  title: code,
  status,
  code,
  detail,
});
