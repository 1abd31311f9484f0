import { z } from 'zod';
import { type Bundle, idOf, type KubernetesObject, pick, podsOf } from '../manifest';

/** They name who pays, and for what. */
export const REQUIRED_LABELS = [
  'app.kubernetes.io/name',
  'app.kubernetes.io/component',
  'app.kubernetes.io/part-of',
  'rookery.dev/team',
  'rookery.dev/service',
  'rookery.dev/environment',
] as const;

/** Volumes cost money, too. */
const VOLUMES = 'spec.volumeClaimTemplates.*.metadata.labels';
const Labels = z.record(z.string(), z.string());

/** Objects, pods and volumes without the labels by which costs are told apart, or with those of another environment. */
export function missingLabels(bundle: Bundle): readonly string[] {
  const kept = (object: KubernetesObject): boolean => !bundle.shared.some((one) => idOf(one) === idOf(object));
  const labelled: readonly (readonly [what: string, labels: Readonly<Record<string, string>>])[] = [
    ...bundle.objects.filter(kept).map((object) => [idOf(object), object.metadata.labels] as const),
    ...bundle.objects.flatMap((object) =>
      pick(object, VOLUMES).map((labels) => [`volumes of ${idOf(object)}`, Labels.parse(labels)] as const),
    ),
    ...podsOf(bundle)
      // Its environment is set where the chart is deployed.
      .filter(({ owner }) => owner !== 'chart/nats')
      .map(({ owner, labels }) => [`pods of ${owner}`, labels] as const),
  ];
  return labelled.flatMap(([what, labels]) => [
    ...REQUIRED_LABELS.filter((label) => labels[label] === undefined).map((label) => `${what}: no label ${label}`),
    ...(labels['rookery.dev/environment'] === bundle.environment
      ? []
      : [`${what}: rookery.dev/environment is not ${bundle.environment}`]),
  ]);
}
