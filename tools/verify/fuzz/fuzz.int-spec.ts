import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { z } from 'zod';
import { buildApps } from '@rookery/devkit/stack/build';
import { startTestStack, type TestStack } from '@rookery/devkit/stack/e2e-stack';
import { repository } from '@rookery/devkit/stack/repository';
import { FuzzedDocument } from './document';
import { FUZZ_ORDER_DEADLINE_SECONDS, FuzzedStack } from './fuzzed-stack';
import { fuzzIssuer } from './issuer';
import { describe as describeFinding, runFuzz } from './run';
import { WireClient } from './send';

const SEED = 20;
const CASES = 300;
/** Orders are waited for, and a busy machine is slow. */
const LONG_MS = 300_000;

const committed = readFileSync(join(repository, 'docs/api/openapi.json'), 'utf8');

const issuer = (): WireClient => new WireClient(stack.authUrl);

let stack: TestStack;
let shop: FuzzedStack;

beforeAll(async () => {
  if (process.env['ROOKERY_BUILT'] === undefined) {
    await buildApps();
  }
  stack = await startTestStack({ account: 'E7', orderDeadlineSeconds: FUZZ_ORDER_DEADLINE_SECONDS });
  shop = await FuzzedStack.open(stack);
}, LONG_MS);
afterAll(async () => {
  await shop.close();
  await stack.stop();
});

describe('the running system, fuzzed by its OpenAPI document', () => {
  it(
    'answers whatever it is sent as documented, tells no secret, and stores nothing of what it refuses',
    async () => {
      const report = await runFuzz({
        document: FuzzedDocument.parse(JSON.parse(committed)),
        target: shop,
        secrets: shop.secrets,
        seed: SEED,
        cases: CASES,
      });
      expect(report.findings.map((finding) => describeFinding(finding, SEED))).toEqual([]);
      expect(report.statesCompared).toBeGreaterThan(CASES / 2);
      // Not only doors are tried: each operation is seen to do its work.
      expect(report.neverSucceeded).toEqual([]);
    },
    LONG_MS,
  );

  it(
    'is found out when it does not do as its document says',
    async () => {
      const { paths, components, ...rest } = FuzzedDocument.parse(JSON.parse(committed));
      const schemas = { ...components.schemas, Me: { ...components.schemas['Me'], required: ['shoeSize'] } };
      const me = '/v1/me';
      const lying = FuzzedDocument.parse({
        ...rest,
        paths: { [me]: paths[me] },
        components: { ...components, schemas },
      });
      const { findings } = await runFuzz({ document: lying, target: shop, seed: SEED, cases: 30 });
      expect(findings).toMatchObject([{ kind: 'schema', operation: 'Me.me' }]);
    },
    LONG_MS,
  );

  it(
    'has an issuer that fails at nothing it is sent',
    async () => {
      await expect(fuzzIssuer(issuer(), SEED, CASES)).resolves.toBeUndefined();
    },
    LONG_MS,
  );
});

describe('the fuzz of the issuer', () => {
  it.each([
    ['fails', 500, { 'x-content-type-options': 'nosniff' }, 'no'],
    ['tells a stack trace', 400, { 'x-content-type-options': 'nosniff' }, 'Error\n    at f (/app/a.js:1:2)'],
    ['has a page without a policy', 200, { 'x-content-type-options': 'nosniff', 'content-type': 'text/html' }, '<p>'],
  ])('notices one that %s', async (_what, status, headers, body) => {
    const server = createServer((_request, response) => void response.writeHead(status, headers).end(body));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = z.object({ port: z.number() }).parse(server.address());
    const client = new WireClient(`http://127.0.0.1:${port}`);
    await expect(fuzzIssuer(client, SEED, 5)).rejects.toThrow(/seed: 20/);
    client.close();
    server.close();
  });
});
