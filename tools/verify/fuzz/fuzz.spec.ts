import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { z } from 'zod';
import { type ViolationKind, violationKinds } from './checks';
import { FuzzedDocument } from './document';
import type { World } from './fuzz-case';
import { describe as describeFinding, type FuzzReport, runFuzz } from './run';
import { WireClient } from './send';
import { digest } from './state';

const problemResponse = {
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};
const responseHeaders = { 'X-Correlation-Id': { $ref: '#/components/headers/X-Correlation-Id' } };
const refusals = Object.fromEntries(
  [400, 401, 403, 404, 413, 415, 431].map((status) => [
    String(status),
    { ...problemResponse, headers: responseHeaders },
  ]),
);
const noteResponse = {
  headers: responseHeaders,
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Note' } } },
};

/** A small API: notes that anyone may read and operators write. */
const document = FuzzedDocument.parse({
  openapi: '3.1.0',
  paths: {
    '/notes/{id}': {
      get: {
        operationId: 'Notes.get',
        parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } }],
        responses: { 200: noteResponse, ...refusals },
      },
    },
    '/notes': {
      post: {
        operationId: 'Notes.create',
        security: [{ bearer: ['notes:write'] }],
        parameters: [],
        requestBody: {
          required: true,
          content: { 'application/json': { schema: { $ref: '#/components/schemas/NewNote' } } },
        },
        responses: { 201: noteResponse, ...refusals },
      },
    },
  },
  components: {
    headers: { 'X-Correlation-Id': { required: true, schema: { type: 'string' } } },
    schemas: {
      NewNote: {
        type: 'object',
        properties: {
          text: { type: 'string', minLength: 1, maxLength: 20 },
          stars: { type: 'integer', minimum: 0, maximum: 5 },
        },
        required: ['text'],
        additionalProperties: false,
      },
      Note: {
        type: 'object',
        properties: { id: { type: 'string', format: 'uuid' }, text: { type: 'string' } },
        required: ['id', 'text'],
      },
      Problem: {
        type: 'object',
        properties: { type: { type: 'string' }, status: { type: 'integer' } },
        required: ['type', 'status'],
      },
    },
  },
});

const NewNote = z.strictObject({ text: z.string().min(1).max(20), stars: z.int().min(0).max(5).optional() });
const NOTE_ID = '019a5c2e-6f00-7000-8000-000000000001';
const ids: World['ids'] = {
  product: NOTE_ID,
  spareProduct: NOTE_ID,
  order: NOTE_ID,
  pendingOrder: NOTE_ID,
  deadLetter: 'orders-1',
  spareDeadLetter: 'orders-2',
  replayableDeadLetter: 'orders-3',
};
const OPERATOR = 'Bearer operator';
const SECRET = 'a-secret-of-the-server';

interface Outcome {
  readonly status: number;
  readonly type: string;
  readonly body: unknown;
  /** Put over those it has; empty ones are left out. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What is wrong with the server, each in its own way. */
type Defect = (request: IncomingMessage, outcome: Outcome, notes: unknown[]) => Outcome | 'hang up';

const refused = (status: number, instance: string): Outcome => ({
  status,
  type: 'application/problem+json',
  body: {
    type: 'urn:rookery:problem:notes.refused',
    title: 'Refused',
    status,
    detail: 'no',
    code: 'notes.refused',
    instance,
  },
});

/** The API as it should be. */
function answer(request: IncomingMessage, text: string, notes: unknown[]): Outcome {
  const url = new URL(request.url ?? '/', 'http://notes');
  const no = (status: number): Outcome => refused(status, request.url?.split('?', 1).join('') ?? '');
  if ([...url.searchParams].length > 0) {
    return no(400);
  }
  if (request.method === 'GET') {
    if (!z.uuid().safeParse(url.pathname.slice('/notes/'.length)).success) {
      return no(400);
    }
    return { status: 200, type: 'application/json', body: { id: NOTE_ID, text: 'a note' } };
  }
  if (Buffer.byteLength(text) > 100_000) {
    return no(413);
  }
  if (request.headers.authorization !== OPERATOR) {
    return no(401);
  }
  if (!/^application\/json(;\s*charset="?utf-8"?.*)?$/i.test(request.headers['content-type'] ?? '')) {
    return no(415);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return no(400);
  }
  const note = NewNote.safeParse(json);
  if (!note.success) {
    return no(400);
  }
  notes.push(note.data);
  return { status: 201, type: 'application/json', body: { id: randomUUID(), text: note.data.text } };
}

async function serve(defect: Defect, notes: unknown[]): Promise<{ readonly server: Server; readonly url: string }> {
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    await new Promise((resolve) => request.once('end', resolve));
    const outcome = defect(request, answer(request, Buffer.concat(chunks).toString(), notes), notes);
    if (outcome === 'hang up') {
      response.destroy();
      return;
    }
    const correlationId = randomUUID();
    const { status, type, body, headers = {} } = outcome;
    const sent = typeof body === 'object' && body !== null && status >= 400 ? { correlationId, ...body } : body;
    const all = {
      'content-type': type,
      'x-content-type-options': 'nosniff',
      'x-correlation-id': correlationId,
      ...headers,
    };
    const set = Object.entries(all).filter(([, value]) => value !== '');
    response.writeHead(status, Object.fromEntries(set)).end(typeof sent === 'string' ? sent : JSON.stringify(sent));
  };
  const server = createServer({ maxHeaderSize: 65_536 }, (request, response) => void respond(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = z.object({ port: z.number() }).parse(server.address());
  return { server, url: `http://127.0.0.1:${port}` };
}

async function fuzz(defect: Defect, seed = 1): Promise<FuzzReport> {
  const notes: unknown[] = [];
  const { server, url } = await serve(defect, notes);
  const client = new WireClient(url);
  try {
    return await runFuzz({
      document,
      seed,
      cases: 200,
      secrets: [SECRET],
      target: {
        send: (request) => client.send(request),
        world: () =>
          Promise.resolve({
            ids,
            authorization: {
              nobody: undefined,
              customer: 'Bearer customer',
              operator: OPERATOR,
              forged: 'Bearer forged',
            },
          }),
        settledState: () => Promise.resolve({ notes: digest(notes) }),
      },
    });
  } finally {
    client.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const right: Defect = (_request, outcome) => outcome;
const isRefusal = ({ status }: Outcome): boolean => status >= 400;
const onRefusal =
  (change: (outcome: Outcome) => Outcome): Defect =>
  (_request, outcome) =>
    isRefusal(outcome) ? change(outcome) : outcome;
const onSuccess =
  (change: (outcome: Outcome) => Outcome): Defect =>
  (_request, outcome) =>
    isRefusal(outcome) ? outcome : change(outcome);
const withBody = (outcome: Outcome, change: Readonly<Record<string, unknown>>): Outcome => ({
  ...outcome,
  body: { ...z.record(z.string(), z.unknown()).parse(outcome.body), ...change },
});

describe('the fuzz', () => {
  it('finds nothing wrong with an API that keeps to its document, and reaches a good answer of each operation', async () => {
    const report = await fuzz(right);
    expect(report.findings).toEqual([]);
    expect(report.neverSucceeded).toEqual([]);
    expect(report.statesUnknown).toBe(0);
    expect(report.statesCompared).toBeGreaterThan(100);
    for (const status of [200, 201, 400, 401, 413, 415]) {
      expect(report.byStatus[status]).toBeGreaterThan(0);
    }
  });

  const planted: readonly (readonly [ViolationKind, string, Defect])[] = [
    ['no answer', 'hangs up', (_request, outcome) => (outcome.status === 400 ? 'hang up' : outcome)],
    ['server error', 'fails', (_request, outcome) => (outcome.status === 415 ? { ...outcome, status: 500 } : outcome)],
    [
      'undocumented status',
      'says 409',
      (_request, outcome) => (outcome.status === 400 ? { ...outcome, status: 409 } : outcome),
    ],
    ['media type', 'sends a page', onSuccess((outcome) => ({ ...outcome, type: 'text/html' }))],
    ['schema', 'leaves out what is promised', onSuccess((outcome) => withBody(outcome, { text: undefined }))],
    ['schema', 'breaks a format', onSuccess((outcome) => withBody(outcome, { id: 'no-uuid' }))],
    ['problem', 'says another status in the problem', onRefusal((outcome) => withBody(outcome, { status: 499 }))],
    ['problem', 'has no code', onRefusal((outcome) => withBody(outcome, { code: undefined }))],
    ['problem', 'has another correlation id', onRefusal((outcome) => withBody(outcome, { correlationId: 'other' }))],
    ['problem', 'names another address', onRefusal((outcome) => withBody(outcome, { instance: '/' }))],
    ['problem', 'refuses as plain JSON', onRefusal((outcome) => ({ ...outcome, type: 'application/json' }))],
    ['header', 'may be sniffed', (_request, outcome) => ({ ...outcome, headers: { 'x-content-type-options': '' } })],
    [
      'leak',
      'tells a stack trace',
      onRefusal((outcome) => withBody(outcome, { detail: 'Error: x\n    at f (/app/a.js:1:2)' })),
    ],
    ['leak', 'tells SQL', onRefusal((outcome) => withBody(outcome, { detail: 'in SELECT * FROM notes' }))],
    ['leak', 'tells a secret', onSuccess((outcome) => withBody(outcome, { extra: SECRET }))],
    [
      'access',
      'believes anyone',
      (request, outcome) =>
        outcome.status === 401 && request.headers.authorization !== undefined
          ? { status: 201, type: 'application/json', body: { id: NOTE_ID, text: 'x' } }
          : outcome,
    ],
    [
      'accepted',
      'takes what the document forbids',
      (request, outcome) =>
        outcome.status === 400 && request.headers.authorization === OPERATOR
          ? { status: 201, type: 'application/json', body: { id: NOTE_ID, text: 'x' } }
          : outcome,
    ],
    [
      'state',
      'writes what it refuses',
      (_request, outcome, notes) => {
        if (outcome.status === 415) {
          notes.push('refused, and kept');
        }
        return outcome;
      },
    ],
    [
      'state',
      'writes when it is read',
      (request, outcome, notes) => {
        if (request.method === 'GET') {
          notes.push('read');
        }
        return outcome;
      },
    ],
  ];

  it.each(planted)('finds “%s”: an API that %s', async (kind, _what, defect) => {
    const report = await fuzz(defect);
    expect(report.findings.map((finding) => finding.kind)).toContain(kind);
  });

  it('has a planted defect for each kind of violation', () => {
    expect([...new Set(planted.map(([kind]) => kind))].toSorted()).toEqual([...violationKinds].toSorted());
  });

  it('comes to the smallest request, and to a command that sends it again', async () => {
    const report = await fuzz((request, outcome) =>
      request.method === 'POST' && outcome.status === 400 ? { ...outcome, status: 500 } : outcome,
    );
    const finding = report.findings.find(({ kind }) => kind === 'server error');
    if (finding === undefined) {
      throw new Error('nothing was found');
    }
    expect(finding.curl.length).toBeLessThan(200);
    const text = describeFinding(finding, report.seed);
    expect(text).toContain(`npx rookery verify fuzz --seed 1 --from ${finding.caseNumber} --cases 1`);
    expect(text).toMatch(/curl -i --path-as-is -X POST 'http:\/\/localhost:3000\/notes/);
  });

  it('makes the same requests from the same seed, and others from another', async () => {
    const requests = async (seed: number) => {
      const targets: string[] = [];
      await fuzz((request, outcome) => {
        targets.push(`${request.method} ${request.url} ${request.headers['content-type']}`);
        return outcome;
      }, seed);
      return targets.toSorted();
    };
    const first = await requests(1);
    expect(await requests(1)).toEqual(first);
    expect(await requests(2)).not.toEqual(first);
  });
});
