import { judge, policies } from '../../policies/policy';
import { type Bundle, type Container, podsOf, type PodSpec } from '../manifest';

const containersOf = (spec: PodSpec): readonly Container[] => [...spec.initContainers, ...spec.containers];

function inEachPod(bundle: Bundle, faultsOf: (spec: PodSpec) => readonly string[]): readonly string[] {
  return podsOf(bundle).flatMap(({ owner, spec }) =>
    spec === undefined ? [] : faultsOf(spec).map((fault) => `${owner}: ${fault}`),
  );
}

const restrictions = policies()
  .filter(({ metadata }) => metadata.name === 'restricted-pods')
  .map((policy) => judge(policy));

/** What the admission policy `restricted-pods` refuses, and what we ask beyond it: no token, a numeric user, no capability at all. */
export function unrestrictedPods(bundle: Bundle): readonly string[] {
  return inEachPod(bundle, (spec) => {
    const user = spec.securityContext?.runAsUser ?? 0;
    return [
      ...restrictions.flatMap((refusalsOf) =>
        refusalsOf({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'any' }, spec }),
      ),
      ...(user > 0 ? [] : ['has no numeric user']),
      ...(spec.automountServiceAccountToken === false ? [] : ['gets a token of the Kubernetes API']),
      ...(spec.serviceAccountName === undefined ? ['runs as the default ServiceAccount'] : []),
      ...containersOf(spec).flatMap(({ name, securityContext }) =>
        (securityContext?.capabilities?.add ?? []).map((capability) => `container ${name} adds ${capability}`),
      ),
    ];
  });
}

const UNITS: Readonly<Record<string, number>> = {
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
};

function quantity(text: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/u.exec(text) ?? [];
  return Number(number === '' ? Number.NaN : number) * (unit === '' ? 1 : (UNITS[unit] ?? Number.NaN));
}

/** Requests and limits that are missing, unreadable or in the wrong order. */
export function resources(bundle: Bundle): readonly string[] {
  return inEachPod(bundle, (spec) =>
    containersOf(spec).flatMap(({ name, resources: given }) =>
      ['cpu', 'memory'].flatMap((resource) => {
        const [request, limit] = [given?.requests[resource], given?.limits[resource]];
        if (request === undefined) {
          return [`container ${name} requests no ${resource}`];
        }
        if (limit === undefined) {
          return [`container ${name} has no limit of ${resource}`];
        }
        const inOrder = quantity(request) > 0 && quantity(request) <= quantity(limit);
        return inOrder ? [] : [`container ${name} requests ${resource} ${request} of at most ${limit}`];
      }),
    ),
  );
}

/** Services without all three probes, or with a liveness probe that asks more than whether the process answers. */
export function probes(bundle: Bundle): readonly string[] {
  return podsOf(bundle)
    .filter(({ owner }) => !/^(Cron)?Job\//u.test(owner))
    .flatMap(({ owner, spec }) =>
      (spec?.containers ?? []).flatMap(({ name, startupProbe, readinessProbe, livenessProbe }) => [
        ...(startupProbe === undefined ? [`${owner}: container ${name} has no startup probe`] : []),
        ...(readinessProbe === undefined ? [`${owner}: container ${name} has no readiness probe`] : []),
        ...(livenessProbe === undefined ? [`${owner}: container ${name} has no liveness probe`] : []),
        ...(livenessProbe?.httpGet?.path === '/readyz'
          ? [`${owner}: container ${name} is restarted when something else is down`]
          : []),
      ]),
    );
}
