import { readFile } from 'node:fs/promises';
import { OpenApi } from '@rookery/testing';
import { committedDocuments } from '../src/documents';
import { type GatewayUnderTest, startGateway } from './gateway-under-test';

const objectives = new URL('../../../k8s/components/observability/objectives.yaml', import.meta.url);

/** Routes that the promises to clients exclude, matched like Prometheus: against the whole label. */
async function leftOut(): Promise<RegExp> {
  const [, pattern = ''] = /route!~"([^"]+)"/.exec(await readFile(objectives, 'utf8')) ?? [];
  expect(pattern).not.toBe('');
  return new RegExp(`^(?:${pattern})$`);
}

describe('the promises to clients', () => {
  let gateway: GatewayUnderTest;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  it('are about the routes of the API, all of them and no other, each counted from 0 on', async () => {
    const metrics = await (await gateway.request('/metrics')).text();
    const counted = [...metrics.matchAll(/^http_server_responses_total\{.*route="([^"]+)",class="5xx"\} 0$/gm)];
    const routes = [...new Set(counted.map(([, route = '']) => route))];
    const { paths } = OpenApi.parse((await committedDocuments()).openapi);
    const api = Object.keys(paths).map((path) => path.replaceAll(/\{(\w+)\}/g, ':$1'));
    const out = await leftOut();
    expect(routes.filter((route) => !out.test(route)).toSorted()).toEqual(api.toSorted());
    for (const probe of ['/livez', '/readyz', '/health', '/metrics']) {
      expect(routes.filter((one) => out.test(one))).toContain(probe);
    }
  });
});
