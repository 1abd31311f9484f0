import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repository } from '@rookery/devkit/stack/repository';
import { errorReason } from '@rookery/devkit/terminal/error-facts';
import { pick, strings } from '../cluster/manifest';
import { findPromtool, promtool } from './promtool';
import { allQueries, countingMoreThanClients, NOT_OF_CLIENTS } from './queries';
import { type Group, ruleGroups, rulesFile, rulesFor, type TestFile, unitTests, untested } from './rules';

const groups = ruleGroups();
const rules = groups.flatMap((group) => group.rules);
const alerts = rules.filter(({ alert }) => alert !== undefined);
const tests = unitTests();
const RUNBOOK = 'https://github.com/rookery/rookery/blob/main/docs/runbook.md#';

/** Days of samples, on a machine that has much to do. */
const SLOW_MS = 300_000;

const found = await findPromtool().then(
  (program) => ({ program }),
  (error: unknown) => ({ missing: errorReason(error) }),
);

('program' in found ? describe : describe.skip)(
  'program' in found ? 'to promtool' : `not tried, because promtool is missing: ${found.missing}`,
  () => {
    const program = 'program' in found ? found.program : '';
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'rookery-alerts-'));
      for (const [name, { text }] of tests) {
        writeFileSync(join(folder, name), text);
      }
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    const judge = (name: string, of: readonly Group[]) => {
      writeFileSync(join(folder, 'rules.yaml'), rulesFile(of));
      return promtool(program, folder, 'test', 'rules', name);
    };

    it('rules, with their annotations, are what Prometheus takes', async () => {
      writeFileSync(join(folder, 'annotated.yaml'), rulesFile(groups));
      expect(await promtool(program, folder, 'check', 'rules', 'annotated.yaml')).toMatchObject({ passed: true });
    });

    it.each([...tests])(
      'alerts fire, clear and stay silent as %s says',
      async (name, { content }) => {
        const { passed, said } = await judge(name, rulesFor(content, groups));
        expect(said).toContain('SUCCESS');
        expect(passed).toBe(true);
      },
      SLOW_MS,
    );

    it.each([
      ['never fires', 'vector(0) > 1', /exp:.*CertificateEnds/s],
      ['always fires', 'vector(1)', /got:.*CertificateEnds/s],
    ])('an alert that %s is found by its unit test', async (_, expr, said) => {
      const file = tests.get('certificates.yaml');
      if (file === undefined) {
        throw new Error('there is no such file');
      }
      const planted = rulesFor(file.content, groups).map((group) => ({
        ...group,
        rules: group.rules.map((rule) => (rule.alert === 'CertificateEnds' ? { ...rule, expr } : rule)),
      }));
      const verdict = await judge('certificates.yaml', planted);
      expect(verdict.passed).toBe(false);
      expect(verdict.said).toMatch(said);
    });
  },
);

it('every alert has a unit test in which it fires, one in which it clears, and one in which it stays silent', () => {
  expect(
    untested(
      alerts,
      [...tests.values()].map(({ content }) => content),
    ),
  ).toEqual([]);
});

it('an alert that no unit test has fire, clear or stay silent would be named', () => {
  const asked = (...fires: readonly boolean[]): TestFile => ({
    rule_files: ['rules.yaml'],
    tests: [
      {
        name: 'some',
        alert_rule_test: fires.map((does) => ({
          eval_time: '1m',
          alertname: 'A',
          exp_alerts: does ? [{ exp_labels: { severity: 'page', pod: 'a' } }] : [],
        })),
      },
    ],
  });
  const alert = [{ alert: 'A', expr: 'up == 0', labels: { severity: 'page' } }];
  const [fire, clear, silent] = ['no test has A fire', 'no test has A clear', 'no test has A stay silent'];
  expect(untested(alert, [])).toEqual([fire, clear, silent]);
  expect(untested(alert, [asked(false, true)])).toEqual([clear, silent]);
  expect(untested(alert, [asked(true, false)])).toEqual([silent]);
  expect(untested(alert, [asked(true, false), asked(false)])).toEqual([]);
  // Another rule of the name fires.
  expect(
    untested(
      [{ ...alert[0], expr: '1', labels: { severity: 'ticket' } }].map((one) => ({ ...one, alert: 'A' })),
      [asked(true, false)],
    ),
  ).toEqual([fire, clear]);
});

it('every alert names its section of the runbook, and every section is that of an alert', () => {
  const text = readFileSync(join(repository, 'docs/runbook.md'), 'utf8');
  const sections = [...text.matchAll(/^### (\w+)$/gm)].map(([, name]) => name);
  expect(sections.toSorted()).toEqual([...new Set(alerts.map(({ alert }) => alert))].toSorted());
  for (const { alert, annotations } of alerts) {
    expect(annotations?.['runbook_url']).toBe(`${RUNBOOK}${String(alert).toLowerCase()}`);
  }
});

it('pages and tickets are all there is', () => {
  expect(new Set(alerts.map(({ labels }) => labels['severity']))).toEqual(new Set(['page', 'ticket']));
});

describe('what clients were promised is asked of their requests alone', () => {
  it('in every rule, analysis and dashboard', () => {
    const queries = allQueries();
    for (const file of [
      'observability/objectives.yaml',
      'analysis/requests.yaml',
      'docker/observability/rookery.json',
    ]) {
      expect(queries.filter((query) => query.file.includes(file) && query.query.includes('http_server_'))).not.toEqual(
        [],
      );
    }
    expect(countingMoreThanClients(queries)).toEqual([]);
  });

  it('and a selector that counts probes too would be named', () => {
    const query = `sum(rate(http_server_responses_total{class="5xx"}[5m])) / sum(rate(http_server_responses_total{${NOT_OF_CLIENTS}}[5m]))`;
    expect(countingMoreThanClients([{ file: 'f', query }])).toEqual(['f: http_server_responses_total{class="5xx"}']);
    const probe = 'http_server_responses_total{route!~"/livez"}';
    expect(countingMoreThanClients([{ file: 'f', query: probe }])).toEqual([`f: ${probe}`]);
    expect(
      countingMoreThanClients([{ file: 'f', query: 'up{route="/v1"} + http_server_x{route="/v1/orders"}' }]),
    ).toEqual([]);
  });
});

it('a panel of the dashboard without a sample says what that means', () => {
  const text = readFileSync(join(repository, 'docker/observability/rookery.json'), 'utf8');
  const panels = pick(JSON.parse(text), 'panels.*');
  const silent = panels.filter((panel) => strings(panel, 'fieldConfig.defaults.noValue').join('') === '');
  expect(panels).not.toEqual([]);
  expect(silent.flatMap((panel) => strings(panel, 'title'))).toEqual([]);
});
