import type { Facts } from './cluster';
import { idOf, type KubernetesObject, pick } from './manifest';

/** Objects as a cluster can take them. */
export interface Adapted {
  readonly objects: readonly KubernetesObject[];
  /** What was changed and why, in words. */
  readonly changes: readonly string[];
  /** Objects of kinds that the cluster does not have. */
  readonly unknown: readonly KubernetesObject[];
}

/** The names that older servers use for the same API. */
const OLDER: Readonly<Record<string, string>> = {
  'policy/v1': 'policy/v1beta1',
  'autoscaling/v2': 'autoscaling/v2beta2',
};
const UNHEALTHY_EVICTION_SINCE = 26;

/** Every apiVersion that a server is asked for. */
export const apiVersionsOf = (objects: readonly KubernetesObject[]): readonly string[] => [
  ...new Set(objects.flatMap(({ apiVersion }) => [apiVersion, ...[OLDER[apiVersion] ?? []].flat()])),
];

/** Rewrites only what a cluster would refuse because of its age or because it lacks something. */
export function adapt(objects: readonly KubernetesObject[], facts: Facts): Adapted {
  const changes = new Set<string>();
  const unknown: KubernetesObject[] = [];
  const adapted = objects.flatMap((original): readonly KubernetesObject[] => {
    const object = structuredClone(original);
    const served = [object.apiVersion, OLDER[object.apiVersion]].find((one) =>
      facts.kinds.has(`${one} ${object.kind}`),
    );
    if (served === undefined) {
      unknown.push(original);
      return [];
    }
    if (served !== object.apiVersion) {
      changes.add(`${object.kind}: ${object.apiVersion} became ${served}`);
    }
    object.apiVersion = served;
    if (object.kind === 'PodDisruptionBudget' && facts.minor < UNHEALTHY_EVICTION_SINCE) {
      if (remove(pick(object, 'spec')[0], 'unhealthyPodEvictionPolicy')) {
        changes.add(
          `PodDisruptionBudget: without unhealthyPodEvictionPolicy, which came with 1.${UNHEALTHY_EVICTION_SINCE}`,
        );
      }
    }
    if (!facts.hasDefaultStorage && object.kind === 'StatefulSet') {
      for (const name of claimsToFolders(object)) {
        changes.add(`${idOf(object)}: volume ${name} is an emptyDir, as the cluster has no default StorageClass`);
      }
    }
    return [object];
  });
  return { objects: adapted, changes: [...changes], unknown };
}

/** The same objects with the addresses of Services in the hosts file of every pod: for a cluster without DNS. */
export function withHostAliases(
  objects: readonly KubernetesObject[],
  addresses: ReadonlyMap<string, string>,
): readonly KubernetesObject[] {
  const hostAliases = [...addresses]
    .filter(([, ip]) => ip !== 'None')
    .map(([hostname, ip]) => ({ ip, hostnames: [hostname] }));
  return changedAt(objects, 'spec.template.spec', (spec) => Reflect.set(spec, 'hostAliases', hostAliases));
}

/** The same objects with other images. */
export function withImages(
  objects: readonly KubernetesObject[],
  images: ReadonlyMap<string, string>,
): readonly KubernetesObject[] {
  const replace = (container: object): void => {
    const other = images.get(String(Reflect.get(container, 'image')));
    if (other !== undefined) {
      Reflect.set(container, 'image', other);
    }
  };
  return changedAt(
    changedAt(objects, 'spec.template.spec.containers.*', replace),
    'spec.jobTemplate.spec.template.spec.containers.*',
    replace,
  );
}

/** The same objects with a setting of one app changed; throws when there is no such ConfigMap. */
export function withSetting(
  objects: readonly KubernetesObject[],
  app: string,
  name: string,
  value: string,
): readonly KubernetesObject[] {
  const id = new RegExp(`^ConfigMap/${app}-config\\b`, 'u');
  if (!objects.some((object) => id.test(idOf(object)))) {
    throw new Error(`there is no ConfigMap of ${app}`);
  }
  const [own, others] = [objects.filter((one) => id.test(idOf(one))), objects.filter((one) => !id.test(idOf(one)))];
  return [...others, ...changedAt(own, 'data', (data) => Reflect.set(data, name, value))];
}

function changedAt(
  objects: readonly KubernetesObject[],
  path: string,
  change: (place: object) => void,
): readonly KubernetesObject[] {
  return objects.map((original) => {
    const object = structuredClone(original);
    for (const place of pick(object, path)) {
      if (typeof place === 'object' && place !== null) {
        change(place);
      }
    }
    return object;
  });
}

function remove(place: unknown, field: string): boolean {
  if (typeof place !== 'object' || place === null || !(field in place)) {
    return false;
  }
  return Reflect.deleteProperty(place, field);
}

function claimsToFolders(statefulSet: KubernetesObject): readonly string[] {
  const names = pick(statefulSet, 'spec.volumeClaimTemplates.*.metadata.name').map(String);
  const [spec] = pick(statefulSet, 'spec.template.spec');
  const [set] = pick(statefulSet, 'spec');
  if (typeof spec !== 'object' || spec === null) {
    return [];
  }
  const volumes = pick(spec, 'volumes.*');
  Reflect.set(spec, 'volumes', [...volumes, ...names.map((name) => ({ name, emptyDir: {} }))]);
  remove(set, 'volumeClaimTemplates');
  return names;
}
