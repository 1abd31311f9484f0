import { RESERVED_CONNECTIONS } from '@rookery/persistence';
import { type Bundle, entriesOf, idOf, pick, podsOf, strings } from '../manifest';
import { environmentOf } from './settings';

/** The default pool of a process. */
const POOL_SIZE = 10;
/** Besides pool and reserve: the relay's, and that of its lock. */
const RELAY_CONNECTIONS = 2;
/** Connections that Postgres reserves for its superuser, and those of an operator, a backup and a migration. */
const OTHERS = 10;

/** Databases that accept fewer connections than their services may open during a rolling update, with one pod more than the maximum. */
export function tooFewConnections(bundle: Bundle): readonly string[] {
  const wanted = podsOf(bundle)
    .filter(({ owner }) => owner.startsWith('Deployment/'))
    .flatMap(({ owner, spec }) => {
      const env = spec?.containers.map((container) => environmentOf(bundle, container)).at(0) ?? {};
      if (!('DATABASE_URL_FILE' in env)) {
        return [];
      }
      const service = owner.replace('Deployment/', '');
      const each = Number(env['DATABASE_POOL_SIZE'] ?? POOL_SIZE) + RESERVED_CONNECTIONS + RELAY_CONNECTIONS;
      return [{ service, connections: (mostPods(bundle, service) + 1) * each }];
    });
  return serversOf(bundle).flatMap(({ id, serves, most }) => {
    const needed = wanted
      .filter(({ service }) => serves(service))
      .reduce((sum, { connections }) => sum + connections, OTHERS);
    return needed <= most ? [] : [`${id}: takes ${most} connections, and ${needed} may be opened`];
  });
}

interface DatabaseServer {
  readonly id: string;
  readonly serves: (service: string) => boolean;
  readonly most: number;
}

function serversOf({ objects }: Bundle): readonly DatabaseServer[] {
  return objects.flatMap((object): readonly DatabaseServer[] => {
    const id = idOf(object);
    if (object.kind === 'Cluster') {
      const parameters = pick(object, 'spec.postgresql.parameters').flatMap(entriesOf);
      const most = Number(new Map(parameters).get('max_connections'));
      return [{ id, serves: (service) => id === `Cluster/${service}-db`, most }];
    }
    if (id !== 'StatefulSet/postgres') {
      return [];
    }
    const args = strings(object, 'spec.template.spec.containers.*.args.*').join(' ');
    return [{ id, serves: () => true, most: Number(/max_connections=(\d+)/u.exec(args)?.[1]) }];
  });
}

/** The replicas of a service, or the most that an autoscaler may make of them. */
function mostPods({ objects }: Bundle, service: string): number {
  const replicas = objects
    .filter((object) => idOf(object) === `Deployment/${service}`)
    .flatMap((object) => pick(object, 'spec.replicas'));
  const scaled = objects
    .filter((object) => strings(object, 'spec.scaleTargetRef.name').includes(service))
    .flatMap((object) => [...pick(object, 'spec.maxReplicas'), ...pick(object, 'spec.maxReplicaCount')]);
  return Math.max(1, ...[...replicas, ...scaled].map(Number));
}
