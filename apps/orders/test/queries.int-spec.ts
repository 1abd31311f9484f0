import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { aProduct } from './order.builder';
import { type OrdersUnderTest, startOrders } from './orders-service';
import { faultsOf, type KnownMetrics, seriesOf } from './queries';

const k8s = fileURLToPath(new URL('../../../k8s/', import.meta.url));

/** Of other processes. By its documentation: the exporter beside the NATS chart's servers (`-prefix=nats -jsz=all`). */
const foreign: KnownMetrics = new Map([
  ['nats_consumer_num_pending', ['stream_name', 'consumer_name']],
  // Prometheus's own, of each target.
  ['up', []],
  // By their documentation: cert-manager's, of its own time and of each certificate.
  ['certmanager_certificate_renewal_timestamp_seconds', ['name']],
  ['certmanager_certificate_expiration_timestamp_seconds', ['name']],
  // Of the gateway, which has no events; its load-shedding.int-spec.ts reads it.
  ['load_shedding_shed_total', ['priority', 'reason']],
  // Of auth, while it sends mails; its order-mails.int-spec.ts reads it.
  ['notifications_oldest_due_age_seconds', []], // part:mails
]);

interface Query {
  readonly file: string;
  readonly query: string;
}

/** Everything under k8s/ that Prometheus is asked: rules and alerts, analyses, scalers; and the names that rules record. */
function asked(): { readonly queries: readonly Query[]; readonly recorded: readonly string[] } {
  const queries: Query[] = [];
  const recorded: string[] = [];
  const search = (file: string, value: unknown): void => {
    if (Array.isArray(value)) {
      value.forEach((one) => search(file, one));
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, member] of Object.entries(value)) {
        if ((key === 'expr' || key === 'query') && typeof member === 'string') {
          queries.push({ file, query: member.trim() });
        } else if (key === 'record' && typeof member === 'string') {
          recorded.push(member);
        } else {
          search(file, member);
        }
      }
    }
  };
  for (const file of readdirSync(k8s, { recursive: true, encoding: 'utf8' })) {
    // Unit tests for promtool ask for what rules recorded, by name.
    if (!file.endsWith('.yaml') || file.includes('/tests/')) {
      continue;
    }
    for (const document of parseAllDocuments(readFileSync(join(k8s, file), 'utf8'))) {
      search(file, document.toJS());
    }
  }
  return { queries, recorded };
}

// Here, because orders has every metric there is: requests both ways, events, outbox, inbox, dead letters, reconciliation.
describe('what Prometheus is asked', () => {
  let orders: OrdersUnderTest;
  let known: KnownMetrics;

  beforeAll(async () => {
    orders = await startOrders({ catalog: [aProduct()] });
    const own = orders.metrics().flatMap(({ name, type, labelNames }) => seriesOf(name, type, labelNames));
    known = new Map([...own, ...foreign]);
  });
  afterAll(() => orders.stop());

  it('is PromQL and names only metrics and labels that exist: rules, alerts, rollouts and scalers', () => {
    const { queries, recorded } = asked();
    const all = new Map([...known, ...recorded.map((name) => [name, []] as const)]);
    const faulty = queries.flatMap(({ file, query }) =>
      faultsOf(query, all).map((fault) => `k8s/${file}: ${fault} in ${query}`),
    );
    expect(faulty).toEqual([]);
    for (const file of ['components/observability/', 'components/analysis/', 'components/autoscaling/']) {
      expect(queries.some((one) => one.file.startsWith(file))).toBe(true);
    }
  });

  it.each([
    ['rate(http_server_requests_total[5m])', 'no process has the metric http_server_requests_total'],
    ['http_server_request_duration_seconds', 'no process has the metric http_server_request_duration_seconds'],
    ['rpc_server_duration_seconds_count{route="/v1"}', 'rpc_server_duration_seconds_count has no label route'],
    ['rpc_server_duration_seconds_count{le="0.5"}', 'rpc_server_duration_seconds_count has no label le'],
    ['sum by (topic) (dead_letters_total)', 'dead_letters_total has no label topic'],
    [
      'outbox_unpublished_events * on (shard) dead_letters',
      'outbox_unpublished_events, dead_letters has no label shard',
    ],
    ['sum(rate(dead_letters_total[5m])', 'is no PromQL at ""'],
  ])('would be refused: %s', (query, fault) => {
    expect(faultsOf(query, known)).toContain(fault);
  });

  it.each([
    'histogram_quantile(0.99, sum by (le, route) (rate(http_server_request_duration_seconds_bucket{status!~"5.."}[5m])))',
    'sum(dead_letters_total{consumer="orders",pod=~"orders-{{args.revision}}-.*"}) or vector(0)',
    'max by (service) (outbox_oldest_unpublished_age_seconds) > 60 and on (namespace) reconciliation_differences{kind!=""}',
  ])('would be fine: %s', (query) => {
    expect(faultsOf(query, known)).toEqual([]);
  });
});
