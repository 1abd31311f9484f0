import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { faultsOf, type LedgerSubject } from './ledger';

const root = new URL('../../../..', import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const numbered = (group: string, last: number): readonly string[] =>
  Array.from({ length: last }, (_, index) => `${group}${index + 1}`);

/** The guide's practices, cut into rows: the ledger must have each of them. */
const ids: readonly string[] = [
  ...numbered('A', 4),
  ...numbered('B', 10),
  ...numbered('C', 9),
  ...numbered('D', 8),
  ...numbered('E', 6),
  ...numbered('F', 7),
  ...['G1a', 'G1b', 'G1c', 'G1d', 'G2', 'G3', 'G4', 'G5a', 'G5b', 'G6', 'G7', 'G8', 'G9', 'G10', 'G11', 'G12'],
  ...numbered('H', 13),
  ...numbered('I', 8),
  ...numbered('J', 9),
  ...numbered('K', 19),
  ...[...numbered('L', 13), 'L1b', 'L5b', 'L11b'],
  ...numbered('M', 14),
  ...numbered('N', 9),
  ...numbered('O', 3),
  ...numbered('P', 7),
  ...numbered('Q', 9),
];

/** The guide's resources. */
const links = [
  'https://www.oreilly.com/library/view/building-microservices-2nd/9781492034018/',
  'https://www.oreilly.com/library/view/monolith-to-microservices/9781492047834/',
  'https://www.manning.com/books/microservices-patterns',
  'https://dataintensive.net/',
  'https://teamtopologies.com/',
  'https://sre.google/books/',
  'https://microservices.io/',
  'https://dddcommunity.org/',
  'https://www.openapis.org/',
  'https://grpc.io/',
  'https://graphql.org/',
  'https://kubernetes.io/docs/home/',
  'https://landscape.cncf.io/',
  'https://helm.sh/',
  'https://kustomize.io/',
  'https://kafka.apache.org/',
  'https://www.rabbitmq.com/',
  'https://nats.io/',
  'https://cloud.google.com/pubsub',
  'https://opentelemetry.io/',
  'https://prometheus.io/',
  'https://grafana.com/',
  'https://www.jaegertracing.io/',
  'https://cheatsheetseries.owasp.org/',
  'https://www.sigstore.dev/',
  'https://slsa.dev/',
  'https://aquasecurity.github.io/trivy/',
  'https://www.vaultproject.io/',
  'https://argo-cd.readthedocs.io/',
  'https://fluxcd.io/',
  'https://www.terraform.io/',
  'https://istio.io/',
  'https://linkerd.io/',
  'https://pact.io/',
  'https://testcontainers.com/',
];

const PackageJson = z.object({ scripts: z.record(z.string(), z.string()) });

describe('the ledger of practices', () => {
  it('has one row for each practice, and names only what is there', () => {
    const subject: LedgerSubject = {
      ids,
      scripts: Object.keys(PackageJson.parse(JSON.parse(read('package.json'))).scripts),
      exists: (path) => existsSync(join(root, path)),
      read,
    };
    expect(faultsOf(read('docs/ledgers/practices.yaml'), subject)).toEqual([]);
  });

  it('cites every resource of the guide', () => {
    const ledger = read('docs/ledgers/practices.yaml');
    expect(links.filter((link) => !ledger.includes(`](${link})`))).toEqual([]);
  });

  it('is answered by the page about when to use microservices, row by row', () => {
    const page = read('docs/when-to-use.md');
    expect(numbered('B', 10).filter((id) => !page.includes(`**${id}**`))).toEqual([]);
  });
});

describe('the check of the ledger', () => {
  const spec =
    "describe('a shop', () => {\n  it('sells once', () => {});\n  it.each([1])(\n    'sells %s',\n    () => {});\n});\n";
  const shop: LedgerSubject = {
    ids: ['A1', 'A2'],
    scripts: ['start', 'test'],
    exists: (path) => ['shop', 'shop/shop.spec.ts', 'docs/page.md'].includes(path),
    read: () => spec,
  };
  const sells = { spec: 'shop/shop.spec.ts', titles: ['sells once'] };
  const good = { practice: 'sell', state: 'done', where: ['shop'], proof: [sells], live: '`npm start`' };
  const faults = (...rows: readonly object[]) =>
    faultsOf(stringify({ chapters: [{ id: 'A', title: 'Shops', rows }] }), shop);
  const row = (id: string, cells: object = {}): object => ({ id, ...good, ...cells });

  it('finds nothing wrong with rows that are true', () => {
    const open = { id: 'A2', practice: 'buy', state: 'open: the shop' };
    const each = row('A1', { where: ['docs/page.md'], proof: [{ ...sells, titles: ['a shop', 'sells %s'] }] });
    expect(faults(each, open)).toEqual([]);
  });

  it('finds a row that is missing, doubled or unknown', () => {
    expect(faults(row('A1'), row('A1'), row('A3'))).toEqual(['A1: 2 rows', 'A2: no row', 'A3: no such practice']);
  });

  it.each([
    ['a path that is not there', { where: ['shop', 'gone'] }, 'gone does not exist'],
    ['a spec that is not there', { proof: [sells, { ...sells, spec: 'gone.spec.ts' }] }, 'gone.spec.ts does not exist'],
    ['a test that is not there', { proof: [{ ...sells, titles: ['sells'] }] }, 'shop/shop.spec.ts has no test "sells"'],
    ['a proof that is not a spec', { proof: [{ ...sells, spec: 'shop' }] }, 'shop is not a spec'],
    ['done, but nowhere', { where: [] }, 'done, but nowhere'],
    ['done without proof', { proof: [] }, 'done, but without proof'],
    ['done by a spec whose test is not named', { proof: [{ spec: 'shop/shop.spec.ts' }] }, 'done, but without proof'],
    ['an unknown state', { state: 'nearly' }, 'the state "nearly" is none of done, partly: …, open: …'],
    [
      'a state that does not say what is missing',
      { state: 'partly' },
      'the state "partly" is none of done, partly: …, open: …',
    ],
    ['a script that is not there', { live: '`npm run -s sell bob`' }, 'there is no npm script "sell"'],
  ])('finds %s', (_what, cells, fault) => {
    expect(faults(row('A1', cells), row('A2'))).toEqual([`A1: ${fault}`]);
  });

  it('takes no row with a field that it does not know', () => {
    expect(() => faults(row('A1', { proofs: [] }), row('A2'))).toThrow('proofs');
  });
});

/** Folders named after a technical layer, which the guide warns of: a capability's code stands together. */
const layers = /^(controllers?|services?|repositor(y|ies)|entit(y|ies)|models?|dtos?|helpers?|utils?|common|shared)$/;

describe('the sources of each app', () => {
  it('are sliced by capability, not by technical layer', () => {
    const folders = readdirSync(join(root, 'apps')).flatMap((app) => {
      const sources = join(root, 'apps', app, 'src');
      return readdirSync(sources, { withFileTypes: true, recursive: true }).filter((entry) => entry.isDirectory());
    });
    expect(folders.length).toBeGreaterThan(20);
    expect(folders.map(({ name }) => name).filter((name) => layers.test(name))).toEqual([]);
  });
});
