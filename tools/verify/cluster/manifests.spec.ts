import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { eventEdges, rpcEdges } from '@rookery/contracts';
import { APPS } from '@rookery/devkit/stack/app-process';
import { repository } from '@rookery/devkit/stack/repository';
import { makeSecrets } from '@rookery/devkit/stack/secrets';
import { provisioningConfig, recoveryConfig } from '@rookery/messaging';
import { databaseConfig } from '@rookery/platform';
import { appSettings, orderRecoverySettings } from '@rookery/release/app-settings';
import { kubernetesSecrets } from '@rookery/release/deployment-secrets';
import { tooFewConnections } from './checks/connections';
import { isReleased, movingImages } from './checks/images';
import { patchesOfNothing, unreadableYaml, unusedFiles } from './checks/kustomizations';
import { missingLabels } from './checks/labels';
import { limitsPerPod } from './checks/limits';
import { type ContextMap, networkDifferences } from './checks/network';
import { probes, resources, unrestrictedPods } from './checks/pods';
import { danglingReferences } from './checks/references';
import { selectorsWithoutPods, unknownPorts } from './checks/selectors';
import { type Program, shutdownTimes, strangersToAuth, wrongSettings } from './checks/settings';
import { kubectlHere } from './kubectl';
import { type Bundle, entriesOf, idOf, KubernetesObject, pick, strings } from './manifest';
import { Manifests, type Overlay, Overlays, readObjects } from './render';
import { schemaFaults, unknownFields, unknownKinds } from './schemas';

const contextMap: ContextMap = { rpcEdges, eventEdges };
const kubectl = await kubectlHere();

/** Every program that a container runs, with values that pass for its secrets. */
async function knownPrograms(): Promise<Readonly<Record<string, Program>>> {
  const secrets = kubernetesSecrets(await makeSecrets());
  const apps = APPS.map((app) => [app, { schema: appSettings[app], secrets: secrets[app] ?? {} }] as const);
  return {
    ...Object.fromEntries(apps),
    'migrate.js': { schema: z.object(databaseConfig), secrets: secrets['orders'] ?? {} },
    'jobs/recover.js': { schema: recoveryConfig, secrets: secrets['broker-admin'] ?? {} },
    'orders-recovery': { schema: orderRecoverySettings, secrets: { ...secrets['orders'], ...secrets['broker-admin'] } },
    'provision-broker.js': { schema: provisioningConfig, secrets: secrets['broker-admin'] ?? {} },
  };
}

(kubectl === undefined ? describe.skip : describe)('the manifests', () => {
  let manifests: Manifests;
  let bundles: Readonly<Record<Overlay, Bundle>>;
  let programs: Readonly<Record<string, Program>>;

  beforeAll(async () => {
    manifests = await Manifests.copy(kubectl ?? '');
    const [dev, shared, staging, prod] = await Promise.all([
      manifests.bundle('dev'),
      manifests.bundle('dev-shared'),
      manifests.bundle('staging'),
      manifests.bundle('prod'),
    ]);
    bundles = { dev, 'dev-shared': shared, staging, prod };
    programs = await knownPrograms();
  });
  afterAll(() => manifests.remove());

  /** What each overlay keeps; the key completes "in <overlay> …". */
  const rules: Readonly<Record<string, (bundle: Bundle) => readonly string[]>> = {
    'everything that is named is made by somebody': danglingReferences,
    'selectors take pods, each those of one workload': selectorsWithoutPods,
    'ports are those that containers listen on': unknownPorts,
    'every pod is restricted': unrestrictedPods,
    'requests and limits are set, the right way round': resources,
    'a start, readiness and life are probed, each by itself': probes,
    'a shutdown has the time it needs': shutdownTimes,
    'everything carries the labels that costs are told apart by': missingLabels,
    'images stay what they are': movingImages,
    'every process knows its settings, has those it needs and takes their values': (bundle) =>
      wrongSettings(bundle, programs),
    'auth knows the names under which it is asked': strangersToAuth,
    'a limit counts once, however many pods there are': limitsPerPod,
    'every database takes as many connections as may be opened': tooFewConnections,
    'the network is open along the context map and nowhere else': (bundle) => networkDifferences(bundle, contextMap),
    'every kind is one of those we use, none that Kubernetes removed': ({ objects }) => unknownKinds(objects),
  };

  describe.each(Overlays)('in %s', (overlay) => {
    it.each(Object.entries(rules))('%s', (_, faultsOf) => {
      expect(faultsOf(bundles[overlay])).toEqual([]);
    });

    it('values are as the published schemas have them', async () => {
      expect(await schemaFaults(bundles[overlay].objects)).toEqual([]);
    });

    it('every patch finds something to patch', () => {
      expect(patchesOfNothing(manifests.folder, `overlays/${overlay}`)).toEqual([]);
    });
  });

  it('no object has a field that its kind does not have', () => {
    const objects = Object.values(bundles).flatMap((bundle) => [...bundle.objects, ...bundle.shared]);
    const distinct = new Map(objects.map((object) => [JSON.stringify(object), object]));
    expect(unknownFields([...distinct.values()])).toEqual([]);
  });

  it('the sources hold no key twice, and no file that nothing deploys', () => {
    expect([...unreadableYaml(manifests.folder), ...unusedFiles(manifests.folder)]).toEqual([]);
  });

  it('every secret that `npx rookery credentials new` makes is in the development overlay, and no other', async () => {
    const made = Object.entries(kubernetesSecrets(await makeSecrets())).map(
      ([name, values]) => [`Secret/${name}-secrets`, Object.keys(values).toSorted()] as const,
    );
    const keysOf = (secret: KubernetesObject): readonly string[] => entriesOf(secret['data']).map(([key]) => key);
    const rendered = bundles.dev.objects
      .filter(({ kind }) => kind === 'Secret')
      .map((secret) => [withoutHash(idOf(secret)), keysOf(secret).toSorted()] as const);
    expect(new Map(rendered)).toEqual(new Map(made));
  });

  it('a database can be brought back beside the one that runs', async () => {
    const recovered = await manifests.render('components/backup/recovery');
    expect(await schemaFaults(recovered)).toEqual([]);
    expect(recovered.map(idOf)).toEqual(['Cluster/orders-db-recovered']);
  });

  it('components that no overlay takes can be added to one', async () => {
    const taken = new Set(
      Overlays.flatMap((overlay) =>
        [
          ...readFileSync(join(manifests.folder, `overlays/${overlay}/kustomization.yaml`), 'utf8').matchAll(
            /components\/([\w-]+)/gu,
          ),
        ].map(([, name]) => name),
      ),
    );
    const others = readdirSync(join(manifests.folder, 'components')).filter((name) => {
      const file = join(manifests.folder, 'components', name, 'kustomization.yaml');
      return !taken.has(name) && existsSync(file) && readFileSync(file, 'utf8').includes('kind: Component');
    });
    expect(others).toContain('sealed-secrets');
    for (const name of others) {
      manifests.write(
        `overlays/with-${name}/kustomization.yaml`,
        `resources: [../staging]\ncomponents: [../../components/${name}]\n`,
      );
      expect(await manifests.render(`overlays/with-${name}`)).not.toHaveLength(0);
    }
  });

  it('what is put into the cluster of dev-shared by hand is what `npx rookery credentials new` makes', async () => {
    const text = readFileSync(join(repository, 'k8s/overlays/dev-shared/kustomization.yaml'), 'utf8');
    const [, named = ''] = /for of in ([a-z -]+); do/.exec(text) ?? [];
    expect(named.split(' ').toSorted()).toEqual(Object.keys(kubernetesSecrets(await makeSecrets())).toSorted());
  });

  it('every overlay is one of those above', () => {
    expect(readdirSync(join(repository, 'k8s/overlays')).toSorted()).toEqual([...Overlays].toSorted());
  });

  it.each([
    ['/products', '/v1/products'],
    ['/products/', '/v1/products/'],
    ['/products/0199', '/v1/products/0199'],
  ])('%s is served by %s, by the Ingress as by the Gateway API', (asked, served) => {
    const ingress = bundles.dev.objects.find((object) => idOf(object) === 'Ingress/gateway-products');
    const [path = ''] = strings(ingress, 'spec.rules.*.http.paths.*.path');
    const target = ingress?.metadata.annotations['nginx.ingress.kubernetes.io/rewrite-target'] ?? '';
    // NGINX matches a location from its beginning, and an empty group is nothing.
    expect(asked.replace(new RegExp(`^${path}`, 'u'), target)).toBe(served);

    const route = bundles.prod.objects.find((object) => idOf(object) === 'HTTPRoute/gateway');
    const [rewrite] = pick(route, 'spec.rules.*').filter((rule) =>
      strings(rule, 'filters.*.type').includes('URLRewrite'),
    );
    const [prefix = ''] = strings(rewrite, 'matches.*.path.value');
    const [replacement = ''] = strings(rewrite, 'filters.*.urlRewrite.path.replacePrefixMatch');
    expect(asked.replace(prefix, replacement)).toBe(served);
  });

  it.each([
    ['prod', 'gateway'],
    ['prod', 'auth'],
  ] as const)('in %s neither metrics nor probes of %s can be had from outside', (overlay, service) => {
    const paths = bundles[overlay].objects
      .filter(({ kind, metadata }) => kind === 'HTTPRoute' && metadata.name === service)
      .flatMap((route) => strings(route, 'spec.rules.*.matches.*.path.value'));
    expect(paths).not.toHaveLength(0);
    for (const inside of ['/', '/metrics', '/livez', '/readyz']) {
      expect(paths).not.toContain(inside);
    }
  });

  describe('a release', () => {
    const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
    let released: Bundle;

    beforeAll(async () => {
      const images = APPS.map((app) => `  - name: ghcr.io/rookery/${app}\n    digest: ${digest}\n`);
      manifests.write('overlays/released/kustomization.yaml', `resources: [../prod]\nimages:\n${images.join('')}`);
      released = { ...bundles.prod, objects: await manifests.render('overlays/released') };
    });

    it('names every image by digest', () => {
      expect(movingImages(released)).toEqual([]);
      expect(isReleased(released)).toBe(true);
      expect(isReleased(bundles.prod)).toBe(false);
    });

    it.each([
      ['a version', ':v1.2.3'],
      ['no version yet', ':unreleased'],
      ['a digest that nobody computed', `@sha256:${'0'.repeat(64)}`],
    ])('with %s for one of them is refused', (_, version) => {
      const text = JSON.stringify(released.objects).replaceAll(`/orders@${digest}`, `/orders${version}`);
      const bundle = { ...released, objects: z.array(KubernetesObject).parse(JSON.parse(text)) };
      // Deployment, migration and recovery.
      expect(movingImages(bundle)).toEqual(Array(3).fill(expect.stringContaining('orders')));
      expect(isReleased(bundle)).toBe(false);
    });
  });

  describe('a planted defect is found', () => {
    /** The bundle with one value changed; undefined takes it away. */
    const planted = (overlay: Overlay, id: string, path: string, value: unknown): Bundle => {
      const bundle = bundles[overlay];
      const found = bundle.objects.filter((object) => withoutHash(idOf(object)) === id);
      if (found.length !== 1) {
        throw new Error(`${found.length} objects are ${id}`);
      }
      return {
        ...bundle,
        objects: bundle.objects.map((object) => (object === found[0] ? changed(object, path, value) : object)),
      };
    };

    const inPods = 'spec.template.spec.';
    const inContainer = `${inPods}containers.0.`;

    /** A line each: where = what to put there as JSON (nothing: take it away) => part of what is said about it. */
    const defects: Readonly<Record<string, string>> = {
      'everything that is named is made by somebody': `
        dev Deployment/orders ${inContainer}envFrom.0.configMapRef.name = "order-config" => order-config, which does not exist
        dev Job/orders-migration ${inPods}serviceAccountName = "gone" => ServiceAccount/gone
        prod Deployment/orders ${inPods}volumes.0.secret.secretName = "gone" => Secret/gone
        prod Deployment/auth ${inPods}priorityClassName = "urgent" => PriorityClass/urgent
        dev Ingress/gateway spec.rules.0.http.paths.0.backend.service.name = "gone" => Service/gone
        prod HTTPRoute/auth spec.parentRefs.0.name = "private" => Gateway/private
        dev ConfigMap/gateway-config data.OIDC_DISCOVERY_URL = "http://identity" => Service/identity
        dev ConfigMap/gateway-config data.NATS_URL = "nats://nats:4223" => a port that Service/nats does not have
        prod ExternalSecret/orders-secrets spec.target.template.data.DATABASE_URL = "postgres://a:b@orders:5432/c" => a port that
        prod ExternalSecret/orders-secrets spec.target.template.data.DATABASE_URL = "postgres://a:b@orders-rw:5432/c" => orders-rw
        prod ExternalSecret/orders-secrets spec.target.template.data.DATABASE_URL = nothing => mounts DATABASE_URL
        prod ScaledObject/payments spec.scaleTargetRef.name = "payment" => Deployment/payment
        prod Cluster/orders-db spec.certificates.serverTLSSecret = "gone" => Secret/gone
        prod ScheduledBackup/orders-db-daily spec.cluster.name = "order-db" => Cluster/order-db`,
      'selectors take pods, each those of one workload': `
        dev Service/orders spec.selector = {"app.kubernetes.io/name":"order"} => selects no pod
        dev Service/orders spec.selector = {"app.kubernetes.io/component":"service"} => more than one workload
        dev Deployment/orders spec.template.metadata.labels = {"app.kubernetes.io/name":"o"} => does not select its own pods
        prod NetworkPolicy/orders spec.podSelector.matchLabels = {"app":"orders"} => selects no pod
        prod PodDisruptionBudget/orders spec.selector.matchLabels = {"app":"orders"} => selects no pod
        prod PodMonitor/services spec.selector.matchLabels = {"app":"orders"} => selects no pod`,
      'ports are those that containers listen on': `
        dev Deployment/orders ${inContainer}readinessProbe.httpGet.port = "web" => a probe asks port web
        dev Service/orders spec.ports.0.targetPort = 3000 => port 3000 is none of Deployment/orders
        dev Ingress/gateway spec.rules.0.http.paths.0.backend.service.port = {"number":8080} => no port 8080
        prod HTTPRoute/auth spec.rules.0.backendRefs.0.port = 3001 => no port 3001
        prod PodMonitor/services spec.podMetricsEndpoints.0.port = "metrics" => port metrics is none of
        prod NetworkPolicy/nats-lag spec.ingress.0.ports.0.port = 8223 => port 8223 is none of chart/nats`,
      'every pod is restricted': `
        dev Deployment/orders ${inPods}securityContext.runAsNonRoot = false => sets runAsNonRoot
        dev Deployment/orders ${inPods}securityContext.runAsUser = nothing => no numeric user
        dev Deployment/orders ${inPods}securityContext.seccompProfile = nothing => filtered by a seccomp profile
        dev Deployment/orders ${inPods}automountServiceAccountToken = nothing => gets a token
        dev Deployment/orders ${inPods}serviceAccountName = nothing => default ServiceAccount
        dev Deployment/orders ${inPods}hostNetwork = true => shares no network
        dev Deployment/orders ${inContainer}securityContext.allowPrivilegeEscalation = true => sets allowPrivilegeEscalation to false
        dev Job/orders-migration ${inContainer}securityContext.readOnlyRootFilesystem = false => root file system of a container is read-only
        prod CronJob/auth-recovery spec.jobTemplate.${inPods}securityContext.runAsNonRoot = false => sets runAsNonRoot
        dev StatefulSet/postgres ${inContainer}securityContext.capabilities = nothing => drops ALL capabilities
        dev StatefulSet/postgres ${inContainer}securityContext.capabilities.add = ["NET_ADMIN"] => adds NET_ADMIN
        dev StatefulSet/postgres ${inPods}volumes.0 = {"name":"data","hostPath":{"path":"/"}} => never a path of the node`,
      'requests and limits are set, the right way round': `
        dev Deployment/orders ${inContainer}resources.requests.memory = "1Gi" => requests memory 1Gi of at most 384Mi
        dev Deployment/orders ${inContainer}resources.requests.cpu = "100x" => requests cpu 100x
        dev Deployment/orders ${inContainer}resources.requests = {} => requests no cpu
        dev Deployment/orders ${inContainer}resources.limits = {} => no limit of memory`,
      'a start, readiness and life are probed, each by itself': `
        dev Deployment/orders ${inContainer}startupProbe = nothing => no startup probe
        dev StatefulSet/nats ${inContainer}readinessProbe = nothing => no readiness probe
        dev Deployment/orders ${inContainer}livenessProbe = nothing => no liveness probe
        dev Deployment/orders ${inContainer}livenessProbe.httpGet.path = "/readyz" => restarted when something else is down`,
      'a shutdown has the time it needs': `
        prod Deployment/orders ${inPods}terminationGracePeriodSeconds = 10 => needs 15 s to shut down and has 10 s
        prod ConfigMap/orders-config data.SHUTDOWN_HANDOVER_MS = "500" => hands over for 0.5 s only`,
      'everything carries the labels that costs are told apart by': `
        prod Service/orders metadata.labels = {} => Service/orders: no label rookery.dev/team
        prod Job/orders-migration spec.template.metadata.labels = {} => pods of Job/orders-migration: no label
        prod Cluster/orders-db spec.inheritedMetadata.labels = {} => pods of Cluster/orders-db: no label
        dev StatefulSet/nats spec.volumeClaimTemplates.0.metadata.labels = {} => volumes of StatefulSet/nats: no label
        prod Service/orders metadata.labels = {"rookery.dev/environment":"dev"} => is not prod`,
      'images stay what they are': `
        dev StatefulSet/nats ${inContainer}image = "nats:latest" => has no version
        dev Deployment/orders ${inContainer}image = "ghcr.io/rookery/orders" => has no version
        prod Deployment/orders ${inContainer}image = "ghcr.io/rookery/orders:v1" => not named by digest`,
      'every process knows its settings, has those it needs and takes their values': `
        dev ConfigMap/orders-config data.ORDER_DEADLINE = "60" => ORDER_DEADLINE, which it does not know
        dev ConfigMap/orders-config data.NATS_URL = nothing => NATS_URL is missing
        dev ConfigMap/orders-config data.SEALING_KEY_FILE = nothing => SEALING_KEY is missing
        dev ConfigMap/orders-config data.SEALING_KEY_FILE = "/etc/rookery/secrets/SEAL" => SEAL, which is not mounted
        dev Job/orders-migration ${inContainer}args = ["migration.js"] => the settings of migration.js
        prod CronJob/orders-recovery spec.jobTemplate.${inContainer}env.3.value = "/etc/key" => /etc/key, which is not mounted
        prod ConfigMap/auth-config data.OIDC_ISSUER = "http://auth.example.com" => OIDC_ISSUER must be https
        prod ConfigMap/auth-config data.DEMO = "true" => DEMO must not be true`,
      'auth knows the names under which it is asked': `
        dev ConfigMap/auth-config data.OIDC_INTERNAL_URLS = "http://identity" => asks auth at http://auth
        prod ConfigMap/gateway-config data.OIDC_DISCOVERY_URL = "http://auth.rookery.svc" => asks auth at http://auth.rookery.svc`,
      'a limit counts once, however many pods there are': `
        prod ConfigMap/gateway-config data.REDIS_URL_FILE = nothing => gateway: each of up to 10 pods counts by itself
        staging ConfigMap/auth-config data.REDIS_URL_FILE = nothing => auth: each of up to 10 pods counts by itself`,
      'every database takes as many connections as may be opened': `
        prod Cluster/orders-db spec.postgresql.parameters.max_connections = "100" => Cluster/orders-db: takes 100 connections
        prod ScaledObject/products spec.maxReplicaCount = 20 => Cluster/products-db: takes 250 connections
        prod ConfigMap/payments-config data.DATABASE_POOL_SIZE = "40" => Cluster/payments-db: takes 250 connections
        dev Deployment/orders spec.replicas = 9 => StatefulSet/postgres: takes 250 connections`,
      'the network is open along the context map and nowhere else': `
        dev NetworkPolicy/nats-clients spec.ingress.0 = {"ports":[{"port":4222}]} => anywhere -> nats:4222 is open
        prod NetworkPolicy/orders spec.egress.0 = {} => orders -> anywhere:any is open
        prod NetworkPolicy/orders spec.egress = [] => orders -> nats:4222 is accepted and may not be sent
        prod NetworkPolicy/auth-recovery spec.egress = [] => auth-recovery -> nats:4222 is accepted and may not be sent
        prod NetworkPolicy/orders-db spec.ingress.0.from.0.podSelector = {} => payments -> orders-db:5432 is accepted and may not
        prod NetworkPolicy/metrics spec.ingress.0.ports = nothing => monitoring -> orders:any is open
        prod NetworkPolicy/default-deny spec.policyTypes = ["Egress"] => anywhere -> orders-migration:any is open`,
      'every kind is one of those we use, none that Kubernetes removed': `
        prod PodDisruptionBudget/orders apiVersion = "policy/v1beta1" => policy/v1beta1
        prod Deployment/orders kind = "Deploiment" => Deploiment`,
    };
    const lines = Object.entries(defects).flatMap(([rule, text]) =>
      text
        .trim()
        .split('\n')
        .map((line) => [line.trim(), rule] as const),
    );

    it('of every rule', () => {
      expect(Object.keys(defects)).toEqual(Object.keys(rules));
    });

    it.each(lines)('%s', (line, rule) => {
      const [, overlay, id = '', path = '', value = '', said = ''] =
        /^(\S+) (\S+) (\S+) = (.*) => (.*)$/u.exec(line) ?? [];
      const put: unknown = value === 'nothing' ? undefined : JSON.parse(value);
      const faults = rules[rule]?.(planted(z.enum(Overlays).parse(overlay), id, path, put));
      expect(faults?.join('\n')).toContain(said);
    });

    it('a wrong type, an unknown word and a missing field', async () => {
      const faults = await schemaFaults([
        ...only(planted('dev', 'Deployment/orders', 'spec.replicas', 'two'), 'Deployment/orders'),
        ...only(planted('dev', 'Service/orders', 'spec.type', 'Cluster'), 'Service/orders'),
        ...only(planted('prod', 'ScaledObject/products', 'spec.triggers', undefined), 'ScaledObject/products'),
        ...only(planted('prod', 'Cluster/orders-db', 'spec.primaryUpdateStrategy', 'now'), 'Cluster/orders-db'),
      ]);
      for (const id of ['Deployment/orders', 'Service/orders', 'ScaledObject/products', 'Cluster/orders-db']) {
        expect(faults).toContainEqual(expect.stringContaining(id));
      }
    });

    it('a field that the kind does not have, deep inside too', () => {
      const deployment = only(
        planted('dev', 'Deployment/orders', `${POD}.containers.0.readinesProbe`, {}),
        'Deployment/orders',
      );
      const route = only(planted('prod', 'HTTPRoute/gateway', 'spec.rules.0.timeout', '1s'), 'HTTPRoute/gateway');
      const cluster = only(planted('prod', 'Cluster/orders-db', 'spec.instance', 3), 'Cluster/orders-db');
      expect(unknownFields([...deployment, ...route, ...cluster])).toEqual([
        expect.stringMatching(/^Deployment\/orders: .*readinesProbe/u),
        expect.stringMatching(/^HTTPRoute\/gateway: .*timeout/u),
        expect.stringMatching(/^Cluster\/orders-db: .*instance/u),
      ]);
    });

    it('a service that the context map does not know, and one that it lacks', () => {
      const silent: ContextMap = {
        rpcEdges: { ...rpcEdges, gateway: ['products', 'orders', 'payments'] },
        eventEdges: Object.fromEntries(Object.entries(eventEdges).filter(([consumer]) => consumer !== 'auth')),
      };
      expect(networkDifferences(bundles.prod, silent)).toEqual([
        'auth -> nats:4222 is open, and the system does not need it',
      ]);
      const gone = {
        ...bundles.prod,
        objects: bundles.prod.objects.filter((one) => idOf(one) !== 'NetworkPolicy/payments'),
      };
      expect(networkDifferences(gone, contextMap)).toContainEqual(expect.stringContaining('payments -> nats:4222'));
    });

    it('a patch without a target, which kustomize applies to nothing', async () => {
      const patch = (kind: string, name: string): string => `
resources: [../dev]
patches:
  - target: { kind: ${kind}, name: ${name} }
    patch: |-
      - op: remove
        path: /spec`;
      manifests.write('overlays/patched/kustomization.yaml', patch('Deployment', 'order'));
      expect(await manifests.render('overlays/patched')).toHaveLength(bundles.dev.objects.length);
      expect(patchesOfNothing(manifests.folder, 'overlays/patched')).toEqual([
        'overlays/patched: the patch of Deployment/order finds nothing',
      ]);
      manifests.write('overlays/patched/kustomization.yaml', patch('Deployment', 'ord.*'));
      expect(patchesOfNothing(manifests.folder, 'overlays/patched')).toEqual([]);
    });

    it('a key that is there twice, and a file that nothing deploys', () => {
      manifests.write('base/orders/extra.yaml', 'kind: ConfigMap\nmetadata: {}\nkind: Secret\n');
      expect(unreadableYaml(manifests.folder)).toEqual([
        expect.stringMatching(/base\/orders\/extra.yaml: Map keys must be unique/),
      ]);
      expect(unusedFiles(manifests.folder)).toEqual(['base/orders/extra.yaml: no kustomization mentions it']);
      expect(() => readObjects('kind: A\nkind: B\n', 'text')).toThrow('Map keys must be unique');
      manifests.write('base/orders/extra.yaml', '');
    });
  });
});

const POD = 'spec.template.spec';

/** Generated names end in a hash. */
const withoutHash = (id: string): string => id.replace(/^((?:ConfigMap|Secret)\/.*)-[a-z0-9]{10}$/u, '$1');

const only = ({ objects }: Bundle, id: string): readonly KubernetesObject[] =>
  objects.filter((object) => idOf(object) === id);

function changed(object: KubernetesObject, path: string, value: unknown): KubernetesObject {
  const copy: unknown = JSON.parse(JSON.stringify(object));
  const steps = path.split('.');
  const parent = pick(copy, steps.slice(0, -1).join('.')).at(0) ?? copy;
  if (typeof parent !== 'object' || parent === null) {
    throw new Error(`nothing is at ${path}`);
  }
  const last = steps.at(-1) ?? '';
  if (value === undefined) {
    Reflect.deleteProperty(parent, last);
  } else {
    Reflect.set(parent, last, value);
  }
  return KubernetesObject.parse(copy);
}
