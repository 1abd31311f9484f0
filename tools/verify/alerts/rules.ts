import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { repository } from '@rookery/devkit/stack/repository';
import { pick } from '../cluster/manifest';
import { readObjects } from '../cluster/render';

const OBSERVABILITY = join(repository, 'k8s/components/observability');
/** Unit tests for promtool. */
const TESTS = join(OBSERVABILITY, 'tests');

const Labels = z.record(z.string(), z.string());
const Rule = z.looseObject({
  alert: z.string().optional(),
  record: z.string().optional(),
  expr: z.string(),
  labels: Labels.default({}),
  annotations: Labels.optional(),
});
export type Rule = z.infer<typeof Rule>;
const Group = z.looseObject({ name: z.string(), rules: z.array(Rule) });
export type Group = z.infer<typeof Group>;

const AlertTest = z.strictObject({
  eval_time: z.string(),
  alertname: z.string(),
  exp_alerts: z.array(z.strictObject({ exp_labels: Labels })),
});
const TestFile = z.looseObject({
  rule_files: z.tuple([z.literal('rules.yaml')]),
  tests: z.array(z.looseObject({ name: z.string(), alert_rule_test: z.array(AlertTest).default([]) })),
});
export type TestFile = z.infer<typeof TestFile>;

/** The groups of every PrometheusRule. */
export function ruleGroups(): readonly Group[] {
  return readdirSync(OBSERVABILITY)
    .filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml')
    .flatMap((name) => readObjects(readFileSync(join(OBSERVABILITY, name), 'utf8'), name))
    .filter(({ kind }) => kind === 'PrometheusRule')
    .flatMap((object) => z.array(Group).parse(pick(object, 'spec.groups.*')));
}

/** A rules file of Prometheus. */
export const rulesFile = (groups: readonly Group[]): string => JSON.stringify({ groups });

/**
 * What a file of unit tests is about: promtool evaluates every rule for each of its minutes, and those of three days are many. It also
 * compares annotations word by word, so they are left out.
 */
export const rulesFor = ({ tests }: TestFile, groups: readonly Group[]): readonly Group[] => {
  const asked = new Set(tests.flatMap((test) => test.alert_rule_test.map(({ alertname }) => alertname)));
  const concerned = groups.filter(({ rules }) => rules.some(({ alert = '' }) => asked.has(alert)));
  return concerned.map((group) => ({
    ...group,
    // As undefined it is left out of the file.
    rules: group.rules.map((rule) => ({ ...rule, annotations: undefined })),
  }));
};

/** The unit tests by the names of their files, as text and as what they say. */
export function unitTests(): ReadonlyMap<string, { readonly text: string; readonly content: TestFile }> {
  return new Map(
    readdirSync(TESTS).map((name) => {
      const text = readFileSync(join(TESTS, name), 'utf8');
      return [name, { text, content: TestFile.parse(parse(text)) }] as const;
    }),
  );
}

/** What the unit tests do not show of an alert: that it fires, clears after that, and stays silent throughout a test. */
export function untested(rules: readonly Rule[], files: Iterable<TestFile>): readonly string[] {
  const tests = [...files].flatMap((file) => file.tests);
  return rules.flatMap(({ alert, labels }) => {
    if (alert === undefined) {
      return [];
    }
    const what = labels['window'] === undefined ? alert : `${alert} of ${labels['window']}`;
    const courses = tests.map((test) => {
      const asked = test.alert_rule_test.filter(({ alertname }) => alertname === alert);
      // By the labels of the rule: several may have one name.
      return asked.map(({ exp_alerts: expected }) =>
        expected.some(({ exp_labels: given }) => Object.entries(labels).every(([key, value]) => given[key] === value)),
      );
    });
    return [
      ...(courses.some((fires) => fires.includes(true)) ? [] : [`no test has ${what} fire`]),
      ...(courses.some((fires) => fires.includes(true) && fires.lastIndexOf(false) > fires.indexOf(true))
        ? []
        : [`no test has ${what} clear`]),
      ...(courses.some((fires) => fires.length > 0 && !fires.includes(true))
        ? []
        : [`no test has ${what} stay silent`]),
    ];
  });
}
