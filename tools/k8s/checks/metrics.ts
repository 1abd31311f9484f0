import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parser } from '@prometheus-io/lezer-promql';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { idOf, strings, type Bundle } from '../manifest';
import { filesBelow } from './kustomizations';

/** Where rules and scalers ask Prometheus. */
const EXPRESSIONS = ['spec.groups.*.rules.*.expr', 'spec.triggers.*.metadata.query'] as const;
const RECORDED = 'spec.groups.*.rules.*.record';

/** Of a histogram. */
const SERIES = /_(?:bucket|count|sum)$/u;

/** Rules and scalers that ask for a series that neither our processes nor a rule makes: they would be silent for ever. */
export function unknownMetrics(bundle: Bundle, known: ReadonlySet<string>): readonly string[] {
  const recorded = new Set(bundle.objects.flatMap((object) => strings(object, RECORDED)));
  return bundle.objects.flatMap((object) =>
    EXPRESSIONS.flatMap((path) => strings(object, path)).flatMap((expression) => {
      const { names, broken } = readPromQl(expression);
      const unknown = names.filter((name) => !recorded.has(name) && !known.has(name.replace(SERIES, '')));
      return [
        ...(broken ? [`${idOf(object)}: ${expression.trim()} is no PromQL`] : []),
        ...unknown.map((name) => `${idOf(object)}: nothing makes ${name}`),
      ];
    }),
  );
}

function readPromQl(expression: string): { readonly names: readonly string[]; readonly broken: boolean } {
  const names: string[] = [];
  let broken = false;
  parser.parse(expression).iterate({
    enter: (node) => {
      if (node.type.isError) broken = true;
      if (node.name === 'Identifier' && node.node.parent?.name === 'VectorSelector') {
        names.push(expression.slice(node.from, node.to));
      }
    },
  });
  return { names, broken };
}

/** The names of all metrics that processes of ours register: Node's own, and every name in the sources. */
export function metricsOf(repository: string): ReadonlySet<string> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const ofNode = registry.getMetricsAsArray().map(({ name }) => name);
  const sources = ['libs', 'apps']
    .flatMap((folder) => filesBelow(join(repository, folder)))
    .filter((file) => file.endsWith('.ts') && !/spec\.ts$|\/test\/|node_modules/u.test(file));
  const ours = sources
    .map((file) => readFileSync(file, 'utf8'))
    .filter((text) => text.includes('prom-client'))
    .flatMap((text) => [...text.matchAll(/(?:name: |(?:histogram|gauge)\(\s*)'([a-z][a-z0-9_]+)'/gu)])
    .flatMap(([, name]) => name ?? []);
  return new Set([...ofNode, ...ours]);
}
