import { type Bundle, pick, strings } from '../manifest';

/** The services that limit what a client does: requests, sign-ins. */
const COUNTING = ['gateway', 'auth'] as const;

/** On a developer's cluster, each pod may count for itself. */
const DEVELOPMENT = 'dev';

/** Services of several pods in which each pod counts for itself: a limit, also that of tried passwords, is multiplied by their number. */
export function limitsPerPod({ environment, objects }: Bundle): readonly string[] {
  if (environment === DEVELOPMENT) {
    return [];
  }
  return COUNTING.flatMap((service) => {
    const most = objects
      .filter(({ kind, metadata }) => metadata.name === service && SCALING.some((one) => one === kind))
      .flatMap((object) => [...pick(object, 'spec.replicas'), ...pick(object, 'spec.maxReplicas')].map(Number));
    const shares = objects.some(
      (object) =>
        object.kind === 'ConfigMap' &&
        object.metadata.name.startsWith(`${service}-config`) &&
        strings(object, 'data.REDIS_URL_FILE').length > 0,
    );
    return Math.max(...most) <= 1 || shares
      ? []
      : [`${service}: each of up to ${Math.max(...most)} pods counts by itself`];
  });
}

const SCALING = ['Deployment', 'HorizontalPodAutoscaler'] as const;
