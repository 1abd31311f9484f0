import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { z } from 'zod';
import { Problem } from '@rookery/contracts';
import { configureLogger } from '../logging/logger';
import { createHttpAdapter, type HttpLimits } from './http-adapter';

configureLogger('http-adapter', 'silent');

const Address = z.object({ port: z.number() });

/** A bare server with these limits and one route that says what it was sent. */
async function serve(limits: HttpLimits): Promise<{ readonly adapter: FastifyAdapter; readonly port: number }> {
  const adapter = createHttpAdapter(limits);
  const fastify = adapter.getInstance();
  fastify.get('/', (_request, reply) => reply.send({ ok: true }));
  fastify.post('/', (request, reply) => reply.send({ got: request.body }));
  fastify.post('/slow', async (request) => {
    await sleep(200);
    return { got: request.body };
  });
  await fastify.listen({ port: 0, host: '127.0.0.1' });
  return { adapter, port: Address.parse(fastify.server.address()).port };
}

/** A connection by hand: what it received, and when the server closed it. */
class Connection {
  received = '';
  private readonly socket: Socket;
  private readonly openedAt = Date.now();
  /** Milliseconds from open to close. */
  readonly closed: Promise<number>;

  constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port });
    this.socket.setEncoding('utf8').on('data', (data: string) => (this.received += data));
    this.closed = new Promise((resolve) => {
      this.socket.on('close', () => resolve(Date.now() - this.openedAt));
      // A reset is an end too.
      this.socket.on('error', () => undefined);
    });
  }

  write(text: string): this {
    if (this.socket.writable) {
      this.socket.write(text);
    }
    return this;
  }

  /** Sends a byte each 100 ms for as long as the server lets it. */
  drip(byte: string): this {
    const timer = setInterval(() => this.write(byte), 100);
    void this.closed.then(() => clearInterval(timer));
    return this;
  }

  async until(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.received)) {
      await new Promise((resolve) => {
        this.socket.once('data', resolve);
        this.socket.once('close', resolve);
      });
      if (this.socket.destroyed && !pattern.test(this.received)) {
        throw new Error(`closed after: ${this.received}`);
      }
    }
  }

  end(): void {
    this.socket.destroy();
  }
}

const headers = (text: string): string => text.split('\r\n\r\n', 1).join('');
const problemIn = (text: string): Problem => Problem.parse(JSON.parse(text.split('\r\n\r\n').slice(1).join('')));

/** Twice the time-out and the check interval, and what a busy machine takes. */
const SOON_MS = 20_000;

describe('a slow client', () => {
  let server: Awaited<ReturnType<typeof serve>>;
  beforeAll(async () => {
    server = await serve({ headersTimeoutMs: 1_000, receiveTimeoutMs: 2_000, keepAliveMs: 1_000 });
  });
  afterAll(() => server.adapter.close());

  it.each([
    ['that sends its headers a byte at a time', 'GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ', 'a'],
    ['that sends its body a byte at a time', postHead(1_000), 'a'],
    ['that sends its body in chunks of one byte', postHead('chunked'), '1\r\na\r\n'],
  ])('%s is answered 408 and cut off in time', async (_what, start, byte) => {
    const connection = new Connection(server.port).write(start).drip(byte);
    expect(await connection.closed).toBeLessThan(SOON_MS);
    expect(headers(connection.received)).toMatch(/^HTTP\/1\.1 408 /);
    expect(headers(connection.received)).toMatch(/connection: close/i);
    expect(problemIn(connection.received)).toMatchObject({ status: 408, code: 'request.timeout' });
  });

  it('that says nothing at all is cut off in time', async () => {
    expect(await new Connection(server.port).closed).toBeLessThan(SOON_MS);
  });

  it('that goes silent after a request is cut off in time', async () => {
    const connection = new Connection(server.port).write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await connection.until(/\{"ok":true\}/);
    expect(headers(connection.received)).toMatch(/keep-alive: timeout=1/i);
    expect(await connection.closed).toBeLessThan(SOON_MS);
  });

  it('does not keep others waiting', async () => {
    const slow = Array.from({ length: 50 }, () => new Connection(server.port).write('GET / HTTP/1.1\r\n').drip('x'));
    const response = await fetch(`http://127.0.0.1:${server.port}/`);
    expect(response.status).toBe(200);
    await Promise.all(slow.map(({ closed }) => closed));
  });
});

describe('nonsense behind a request', () => {
  it('is not answered in the place of that request, which may have been carried out', async () => {
    const { adapter, port } = await serve({});
    const request = postHead(8).replace('POST /', 'POST /slow');
    const connection = new Connection(port).write(`${request}{"a":12}nonsense\r\n\r\n`);
    await connection.closed;
    expect(connection.received).toBe('');
    await adapter.close();
  });

  it('is answered when that one has been', async () => {
    const { adapter, port } = await serve({});
    const connection = new Connection(port).write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await connection.until(/\{"ok":true\}/);
    connection.write('nonsense\r\n\r\n');
    await connection.closed;
    expect(connection.received).toMatch(/\{"ok":true\}HTTP\/1\.1 400 /);
    await adapter.close();
  });
});

function postHead(length: number | 'chunked'): string {
  const framing = length === 'chunked' ? 'transfer-encoding: chunked' : `content-length: ${length}`;
  return `POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${framing}\r\n\r\n`;
}

describe('connections', () => {
  it('beyond the limit are closed at once, and there is room again when one ends', async () => {
    const { adapter, port } = await serve({ maxConnections: 2 });
    const request = 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n';
    const held = [new Connection(port).write(request), new Connection(port).write(request)];
    await Promise.all(held.map((connection) => connection.until(/\{"ok":true\}/)));
    const third = new Connection(port).write(request);
    await third.closed;
    expect(third.received).toBe('');
    held.forEach((connection) => connection.end());
    await Promise.all(held.map(({ closed }) => closed));
    const later = new Connection(port).write(request);
    await later.until(/\{"ok":true\}/);
    later.end();
    await adapter.close();
  });
});

describe('a body', () => {
  let server: Awaited<ReturnType<typeof serve>>;
  beforeAll(async () => {
    server = await serve({});
  });
  afterAll(() => server.adapter.close());

  const post = (type: string, more: Readonly<Record<string, string>> = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${server.port}/`, {
      method: 'POST',
      headers: { 'content-type': type, ...more },
      body: '{"a":"\u00e9"}',
    });

  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"; x=1',
    'application/json; x=charset',
  ])('sent as %s is read', async (type) => {
    const response = await post(type);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ got: { a: '\u00e9' } });
  });

  it.each([
    'application/json; charset=latin1',
    'application/json; charset=utf-16',
    'application/json; charset=utf-8; charset=latin1',
    'application/json; charset="iso-8859-1"',
    'application/json; charset=',
  ])('sent as %s is refused, not read as if it were UTF-8', async (type) => {
    expect((await post(type)).status).toBe(415);
  });

  it.each(['gzip', 'br', 'identity, gzip', 'x'])('with the content coding %s is refused', async (coding) => {
    expect((await post('application/json', { 'content-encoding': coding })).status).toBe(415);
    expect((await post('application/json', { 'content-encoding': 'identity' })).status).toBe(200);
  });
});

describe('security headers', () => {
  const hsts = 'strict-transport-security';

  it('are on answers and on what is refused before any route, HSTS only behind TLS', async () => {
    for (const behindTls of [false, true]) {
      const { adapter, port } = await serve({ behindTls });
      for (const path of ['/', '/nothing', '/%', '/?%ff']) {
        const response = await fetch(`http://127.0.0.1:${port}${path}`);
        expect(Object.fromEntries(response.headers)).toMatchObject({
          'content-security-policy': "default-src 'none';frame-ancestors 'none'",
          'x-content-type-options': 'nosniff',
          'x-frame-options': 'DENY',
          'referrer-policy': 'no-referrer',
        });
        expect(response.headers.get(hsts)).toBe(behindTls ? 'max-age=31536000' : null);
        expect(response.headers.has('x-powered-by')).toBe(false);
        expect(response.headers.has('server')).toBe(false);
      }
      await adapter.close();
    }
  });

  it('are on what is refused before it is a request', async () => {
    const { adapter, port } = await serve({});
    const connection = new Connection(port).write('nonsense\r\n\r\n');
    await connection.closed;
    expect(headers(connection.received)).toMatch(/x-content-type-options: nosniff/);
    expect(headers(connection.received)).toMatch(/cache-control: no-store/);
    await adapter.close();
  });
});

describe('Expect', () => {
  it('100-continue is answered before the body, anything else is refused as a problem', async () => {
    const { adapter, port } = await serve({});
    const start = postHead(8).replace('\r\n\r\n', '\r\nexpect: ');
    const continued = new Connection(port).write(`${start}100-continue\r\n\r\n`);
    await continued.until(/^HTTP\/1\.1 100 Continue/);
    continued.write('{"a":12}');
    await continued.until(/\{"got":\{"a":12\}\}/);
    continued.end();

    const refused = new Connection(port).write(`${start}the-unexpected\r\n\r\n{"a":12}`);
    await refused.closed;
    expect(headers(refused.received)).toMatch(/^HTTP\/1\.1 417 /);
    expect(headers(refused.received)).toMatch(/x-content-type-options: nosniff/i);
    expect(problemIn(refused.received)).toMatchObject({ status: 417, instance: '/' });
    await adapter.close();
  });
});
