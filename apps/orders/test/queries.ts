import { parser } from '@prometheus-io/lezer-promql';

/** By name the labels of a metric, as its process declares it. */
export type KnownMetrics = ReadonlyMap<string, readonly string[]>;

/** What every series gets when it is scraped: the operator's labels, and those of k8s/components/observability/monitors.yaml. */
const scrapeLabels = ['namespace', 'pod', 'container', 'job', 'instance', 'endpoint', 'service', 'team'];

/** The names under which Prometheus keeps the series of one metric. */
export function seriesOf(
  name: string,
  type: string,
  labels: readonly string[],
): readonly (readonly [string, readonly string[]])[] {
  if (type !== 'histogram') {
    return [[name, labels]];
  }
  return [
    [`${name}_bucket`, [...labels, 'le']],
    [`${name}_count`, labels],
    [`${name}_sum`, labels],
  ];
}

/** What is wrong with a query: its syntax, a metric that nobody has, a label that none of its metrics has. Empty: nothing. */
export function faultsOf(query: string, known: KnownMetrics): readonly string[] {
  // Of Argo Rollouts: filled in when it asks.
  const text = query.replaceAll(/\{\{args\.[a-z]+\}\}/g, 'argument');
  const faults: string[] = [];
  const metrics: string[] = [];
  const labels: { readonly name: string; readonly metric: string | undefined }[] = [];
  let metric: string | undefined;
  parser.parse(text).iterate({
    enter: ({ name, type, from, to }) => {
      const word = text.slice(from, to);
      if (type.isError) {
        faults.push(`is no PromQL at ${JSON.stringify(text.slice(from, from + 20))}`);
      } else if (name === 'VectorSelector') {
        metric = undefined;
      } else if (name === 'Identifier') {
        metric = word;
        metrics.push(word);
      } else if (name === 'LabelName') {
        labels.push({ name: word, metric });
      }
      // The labels of `by`, `on` and their like belong to the query's metrics together.
      else if (name === 'GroupingLabels') {
        metric = undefined;
      }
    },
    leave: ({ name }) => {
      if (name === 'VectorSelector') {
        metric = undefined;
      }
    },
  });
  const labelsOf = (name: string): readonly string[] => [...(known.get(name) ?? []), ...scrapeLabels];
  return [
    ...faults,
    ...metrics.filter((name) => !known.has(name)).map((name) => `no process has the metric ${name}`),
    ...labels
      .filter(({ name, metric: of }) => !(of === undefined ? metrics.flatMap(labelsOf) : labelsOf(of)).includes(name))
      .map(({ name, metric: of }) => `${of ?? metrics.join(', ')} has no label ${name}`),
  ];
}
