import { Agent, type IncomingHttpHeaders, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { jest } from '@jest/globals';
import {
  Body,
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  NotFoundException,
  Param,
  Post,
  Query,
  Sse,
} from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Observable, of } from 'rxjs';
import { z } from 'zod';
import { Problem } from '@rookery/contracts';
import { eventually, LENIENCY } from '@rookery/testing';
import { currentContext, requireContext } from '../context/request-context';
import { traceIdOf } from '../context/trace-context';
import { NotFound, ServiceUnavailable } from '../errors/domain-error';
import { type HealthCheck, HealthChecks } from '../health/health-check';
import { HealthModule } from '../health/health.module';
import { configureLogger, logger } from '../logging/logger';
import { Readiness } from '../readiness';
import { createService, shutDown } from './run-service';

const Note = z.strictObject({
  title: z.string().min(1),
  tags: z.array(z.strictObject({ name: z.string() })).default([]),
});
const Paging = z.strictObject({ limit: z.coerce.number().int().max(10).default(5) });

@Controller('v1/notes')
class NotesController {
  @Get()
  list(@Query({ schema: Paging }) paging: z.output<typeof Paging>) {
    return paging;
  }

  @Post()
  async add(@Body({ schema: Note }) note: z.output<typeof Note>) {
    await sleep(1);
    return { note, correlationId: requireContext().correlationId, traceId: traceIdOf(currentContext()?.traceparent) };
  }

  static slowInHand = 0;

  @Get('slow')
  async slow() {
    NotesController.slowInHand += 1;
    await sleep(150);
    NotesController.slowInHand -= 1;
    return { done: true };
  }

  @Get('broken')
  broken(): never {
    throw new Error('connect failed for postgres://orders:hunter2@db');
  }

  @Get('busy')
  busy(): never {
    throw new ServiceUnavailable('Later.', 7);
  }

  @Get('files/*')
  file(): never {
    throw new NotFoundException();
  }

  @Sse('live')
  live(): Observable<{ data: string }> {
    return of({ data: 'hello' });
  }

  @Get(':id')
  one(@Param('id', { schema: z.uuid() }) id: string): never {
    throw new NotFound('notes.note-not-found', `Unknown note${id === '' ? '' : '.'}`);
  }
}

const store: HealthCheck & { state: 'up' | 'down' | 'hanging' } = {
  name: 'store',
  state: 'up',
  async check() {
    if (this.state === 'down') {
      throw new Error('refused by 10.0.0.7:5432');
    }
    if (this.state === 'hanging') {
      await new Promise(() => undefined);
    }
  },
};

@Injectable()
class QueueCheck implements HealthCheck {
  readonly name = 'queue';
  constructor(@Inject(Readiness) private readonly readiness: Readiness) {}
  async check(): Promise<void> {
    await Promise.resolve(this.readiness);
  }
}

@Module({ providers: [QueueCheck], exports: [QueueCheck] })
class QueueModule {}

@Module({ imports: [HealthModule, QueueModule], controllers: [NotesController] })
class NotesModule {
  constructor(@Inject(HealthChecks) checks: HealthChecks, @Inject(QueueCheck) queue: QueueCheck) {
    checks.add(store);
    checks.add(queue);
  }
}

const config = { LOG_LEVEL: 'silent', HOST: '127.0.0.1', PORT: 0, SHUTDOWN_GRACE_SECONDS: 5 } as const;

describe('a service over HTTP', () => {
  let app: NestFastifyApplication;
  let url: string;

  const start = async () => {
    configureLogger('notes', 'silent');
    app = await createService({ name: 'notes', module: NotesModule, config, http: { requestTimeoutMs: 5000 } });
    await app.listen({ port: 0, host: '127.0.0.1' });
    url = await app.getUrl();
  };
  beforeAll(start);
  afterAll(() => app.close());

  const problemOf = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${url}${path}`, init);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    const problem = Problem.parse(await response.json());
    expect(problem.status).toBe(response.status);
    expect(problem.correlationId).toBe(response.headers.get('x-correlation-id'));
    expect(problem.instance).toBe(path.split('?')[0]);
    return { problem, headers: response.headers };
  };
  const post = (
    body: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = { 'content-type': 'application/json' },
  ) => problemOf('/v1/notes', { method: 'POST', body, headers });

  /** Writes bytes as they are and answers all that comes back. */
  const raw = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(url);
      const socket = connect(Number(port), hostname, () => socket.write(text));
      let answer = '';
      socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
      socket.on('close', () => resolve(answer)).on('error', reject);
    });

  describe('its context', () => {
    it('takes over a well-formed correlation id and trace, answers with the id, and keeps both in the handler', async () => {
      const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
      const response = await fetch(`${url}/v1/notes`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-correlation-id': 'my-own-id-1',
          traceparent: `00-${trace}-00f067aa0ba902b7-01`,
        },
        body: '{"title":"a"}',
      });
      expect(response.status).toBe(201);
      expect(response.headers.get('x-correlation-id')).toBe('my-own-id-1');
      expect(await response.json()).toEqual({
        note: { title: 'a', tags: [] },
        correlationId: 'my-own-id-1',
        traceId: trace,
      });
    });

    it('makes a correlation id when the one sent is malformed', async () => {
      const response = await fetch(`${url}/v1/notes`, { headers: { 'x-correlation-id': 'no spaces allowed' } });
      expect(response.headers.get('x-correlation-id')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    });

    it('does not mix the contexts of parallel requests', async () => {
      const ids = Array.from({ length: 50 }, (_, index) => `parallel-${index}`);
      const answers = await Promise.all(
        ids.map(async (id) => {
          const headers = { 'content-type': 'application/json', 'x-correlation-id': id };
          const response = await fetch(`${url}/v1/notes`, { method: 'POST', headers, body: '{"title":"a"}' });
          return z.object({ correlationId: z.string() }).parse(await response.json()).correlationId;
        }),
      );
      expect(answers).toEqual(ids);
    });
  });

  describe('its refusals', () => {
    it('points at what is wrong in a body', async () => {
      const { problem } = await post('{"title":"","tags":[{"name":1,"a/b":2}],"status":"Confirmed"}');
      expect(problem).toMatchObject({ status: 400, code: 'request.invalid' });
      expect(problem.errors?.map((error) => error.pointer)).toEqual([
        '/title',
        '/tags/0/name',
        '/tags/0/a~1b',
        '/status',
      ]);
    });

    it('points at what is wrong in a query and in a path', async () => {
      const query = await problemOf('/v1/notes?limit=11&sort=sql');
      expect(query.problem.errors?.map((error) => error.pointer)).toEqual(['#/query/limit', '#/query/sort']);
      const path = await problemOf('/v1/notes/1');
      expect(path.problem.errors?.map((error) => error.pointer)).toEqual(['#/path/id']);
    });

    it.each([
      ['no JSON', '{', 400, 'request.invalid-json'],
      ['an empty body', '', 400, 'request.empty-body'],
      ['45,000 nested arrays', '['.repeat(45_000) + ']'.repeat(45_000), 400, 'request.too-deep'],
      ['__proto__', '{"title":"a","__proto__":{"x":1}}', 400, 'request.unsafe-key'],
      ['U+0000', '{"title":"a\\u0000"}', 400, 'request.unsafe-text'],
      ['a body of 200 KB', JSON.stringify({ title: 'x'.repeat(200_000) }), 413, 'request.body-too-large'],
    ])('answers %s with a problem', async (_what, body, status, code) => {
      expect((await post(body)).problem).toMatchObject({ status, code });
    });

    it('refuses other content types and a missing one', async () => {
      expect((await post('title=a', { 'content-type': 'application/x-www-form-urlencoded' })).problem.status).toBe(415);
      expect((await post('<a/>', { 'content-type': 'text/xml' })).problem.status).toBe(415);
      expect((await post(new Uint8Array([123, 125]), {})).problem.status).toBe(415);
    });

    it('refuses a body that is missing altogether', async () => {
      expect((await problemOf('/v1/notes', { method: 'POST' })).problem.status).toBe(400);
    });

    it('tells an unknown address from a known one with another method', async () => {
      expect((await problemOf('/v1/nothing?x=1')).problem).toMatchObject({
        status: 404,
        code: 'request.unknown-route',
      });
      const { problem, headers } = await problemOf('/v1/notes', { method: 'DELETE' });
      expect(problem).toMatchObject({ status: 405, code: 'request.method-not-allowed' });
      expect(headers.get('allow')).toBe('GET, HEAD, POST');
    });

    it('knows that a file which is not there is no matter of the method', async () => {
      expect((await problemOf('/v1/notes/files/none.js')).problem.status).toBe(404);
      expect((await problemOf('/v1/notes/files/none.js', { method: 'DELETE' })).problem.status).toBe(405);
    });

    it('tells a client that its body is too large also when it sends all of it first', async () => {
      const body = 'x'.repeat(10_000_000);
      const head = 'POST /v1/notes HTTP/1.1\r\nhost: a\r\ncontent-type: application/json';
      for (let times = 0; times < 10; times += 1) {
        // The next request over the same connection shows that the whole body was read, and ends it.
        const next = 'GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';
        const answers = await raw(`${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}${next}`);
        expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 413', 'HTTP/1.1 200']);
      }
    });

    it.each([
      ['no Host', 'GET /livez HTTP/1.1\r\n\r\n'],
      ['two Hosts', 'GET /livez HTTP/1.1\r\nhost: a\r\nHost: b\r\n\r\n'],
      [
        'a transfer coding that nobody undoes',
        'POST /v1/notes HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
      ],
      ['a query that is not UTF-8', 'GET /v1/notes?q=%ff HTTP/1.1\r\nhost: a\r\n\r\n'],
      ['half an escape in the query', 'GET /v1/notes?q=%2 HTTP/1.1\r\nhost: a\r\n\r\n'],
    ])('answers a request with %s with 400 and closes the connection', async (_what, text) => {
      const [head = '', body = ''] = (await raw(text)).split('\r\n\r\n');
      expect(head).toMatch(/^HTTP\/1\.1 400 /);
      expect(head).toMatch(/content-type: application\/problem\+json/i);
      expect(Problem.parse(JSON.parse(body))).toMatchObject({ status: 400, code: 'request.invalid' });
    });

    it('asks no Host of HTTP/1.0', async () => {
      expect(await raw('GET /livez HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
    });

    it('answers a malformed address with 400', async () => {
      expect(await raw('GET /% HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')).toMatch(
        /^HTTP\/1.1 400 [^]*application\/problem\+json[^]*"code":"request.invalid"/,
      );
    });

    it('refuses clients that do not accept what the route answers with', async () => {
      const { problem } = await problemOf('/v1/notes', { headers: { accept: 'text/html, application/json;q=0' } });
      expect(problem).toMatchObject({ status: 406, code: 'request.not-acceptable' });
      for (const accept of ['*/*', 'application/*', 'text/html, application/json;q=0.1']) {
        expect((await fetch(`${url}/v1/notes`, { headers: { accept } })).status).toBe(200);
      }
      expect((await fetch(`${url}/v1/notes/live`, { headers: { accept: 'text/event-stream' } })).status).toBe(200);
      expect((await fetch(`${url}/v1/notes/live`, { headers: { accept: 'application/json' } })).status).toBe(406);
    });

    it('says nothing about an unexpected error', async () => {
      const { problem } = await problemOf('/v1/notes/broken');
      expect(problem).toMatchObject({ status: 500, code: 'internal' });
      expect(JSON.stringify(problem)).not.toMatch(/hunter2|postgres|at /);
    });

    it('says when to try again', async () => {
      const { problem, headers } = await problemOf('/v1/notes/busy');
      expect(problem).toMatchObject({ status: 503, detail: 'Later.', retryAfterSeconds: 7 });
      expect(headers.get('retry-after')).toBe('7');
      expect(headers.get('cache-control')).toBe('no-store');
    });

    it.each([
      ['headers of 20 KB', `GET /v1/notes HTTP/1.1\r\nhost: x\r\nx-big: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
      ['no HTTP', 'hello\r\n\r\n', 400],
      [
        'Content-Length and Transfer-Encoding together',
        'POST /v1/notes HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
        400,
      ],
      [
        'two Content-Lengths',
        'POST /v1/notes HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcde',
        400,
      ],
      ['a bare line feed', 'GET /v1/notes HTTP/1.1\nhost: x\nx: 1\n\n', 400],
    ])('answers %s with a problem and closes', async (_what, text, status) => {
      const answer = await raw(text);
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(answer).toContain('content-type: application/problem+json');
      expect(Problem.parse(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).status).toBe(status);
      expect((await fetch(`${url}/livez`)).status).toBe(200);
    });
  });

  describe('its health', () => {
    const look = async (path: string) => {
      const response = await fetch(`${url}${path}`);
      return { status: response.status, body: await response.text() };
    };

    it('is ready when everything it needs is well', async () => {
      store.state = 'up';
      expect(await look('/readyz')).toEqual({
        status: 200,
        body: '{"status":"ok","checks":{"store":"up","queue":"up"}}',
      });
      expect((await look('/health')).status).toBe(200);
    });

    it('names what is down without its address, and stays alive', async () => {
      store.state = 'down';
      expect(await look('/readyz')).toEqual({
        status: 503,
        body: '{"status":"error","checks":{"store":"down","queue":"up"}}',
      });
      expect((await look('/livez')).status).toBe(200);
      store.state = 'up';
    });

    it('waits two seconds for a check, not longer', async () => {
      store.state = 'hanging';
      const startedAt = Date.now();
      expect((await look('/readyz')).status).toBe(503);
      expect(Date.now() - startedAt).toBeLessThan(2_000 * LENIENCY);
      store.state = 'up';
    });

    it('shows each route at 0 for each class of status before anybody asks, so that a first failure is seen to come', async () => {
      const { body } = await look('/metrics');
      for (const status of ['2xx', '3xx', '4xx', '5xx']) {
        const series = `http_server_responses_total{method="HEAD",route="/v1/notes/files/*",class="${status}"}`;
        expect(body).toContain(`${series} 0\n`);
      }
      await fetch(`${url}/v1/notes/broken`);
      expect((await look('/metrics')).body).toMatch(
        /http_server_responses_total\{method="GET",route="\/v1\/notes\/broken",class="5xx"\} [1-9]/,
      );
    });

    it('counts requests by route pattern', async () => {
      await fetch(`${url}/v1/notes/broken?secret=hunter2`);
      const { body } = await look('/metrics');
      expect(body).toMatch(
        /http_server_request_duration_seconds_count\{method="GET",route="\/v1\/notes\/broken",status="500"\}/,
      );
      expect(body).toContain('nodejs_eventloop_lag_seconds');
      expect(body).not.toContain('hunter2');
    });

    it('does not log a client that disconnects in the middle of its request as a server error', async () => {
      const failed = jest.spyOn(logger, 'error');
      try {
        const head = 'POST /v1/notes HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n';
        await raw(`${head}transfer-encoding: chunked\r\n\r\nnonsense`);
        await fetch(`${url}/v1/notes`);
        expect(failed).not.toHaveBeenCalled();
        // What it does log as one.
        await fetch(`${url}/v1/notes/broken`);
        expect(failed).toHaveBeenCalledTimes(1);
      } finally {
        failed.mockRestore();
      }
    });
  });

  describe('its shutdown', () => {
    const call = (agent: Agent, path: string) =>
      new Promise<{ status: number | undefined; headers: IncomingHttpHeaders }>((resolve, reject) => {
        httpRequest(`${url}${path}`, { agent }, (response) => {
          response.resume().on('end', () => resolve({ status: response.statusCode, headers: response.headers }));
        })
          .on('error', reject)
          .end();
      });

    it('turns readiness red first, answers all requests in flight, and tells clients to go elsewhere', async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 10 });
      const warm = await Promise.all(Array.from({ length: 10 }, () => call(agent, '/v1/notes')));
      expect(warm.map((answer) => answer.status)).toEqual(Array(10).fill(200));
      const busy = new Agent({ keepAlive: true });
      const inHand = Array.from({ length: 30 }, () => call(busy, '/v1/notes/slow'));
      await eventually(() => {
        expect(NotesController.slowInHand).toBeGreaterThan(0);
      });
      const stopped = shutDown(app);
      const probe = await fetch(`${url}/readyz`);
      expect([probe.status, z.object({ status: z.string() }).parse(await probe.json()).status]).toEqual([
        503,
        'draining',
      ]);
      expect((await call(agent, '/v1/notes')).headers.connection).toBe('close');
      expect((await Promise.all(inHand)).map((answer) => answer.status)).toEqual(Array(30).fill(200));
      await stopped;
      await expect(call(new Agent(), '/livez')).rejects.toThrow('ECONNREFUSED');
      agent.destroy();
      busy.destroy();
      await start();
    });

    it('ends live streams that watch for it', () => {
      const readiness = new Readiness();
      expect(readiness.signal.aborted).toBe(false);
      readiness.drain();
      expect(readiness.signal.aborted).toBe(true);
      readiness.started();
      expect(readiness.isReady).toBe(false);
    });
  });
});
