import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { repository } from '@rookery/devkit/stack/repository';
import { type Environment, Environments, overlayOf } from '@rookery/release/overlay-images';
import { kubectlHere } from '../cluster/kubectl';
import { idOf, type KubernetesObject, pick, strings } from '../cluster/manifest';
import { Manifests, readObjects } from '../cluster/render';
import { type Application, type Delivery, deliveryOf, forbidden, loose, unneeded, waveOf } from './applications';

const kubectl = await kubectlHere();

(kubectl === undefined ? describe.skip : describe)('what Argo CD is given', () => {
  let manifests: Manifests;
  let delivery: Delivery;
  let root: Delivery;
  const renderings = new Map<string, Promise<readonly KubernetesObject[]>>();

  beforeAll(async () => {
    manifests = await Manifests.copy(kubectl ?? '');
    delivery = deliveryOf(await manifests.render('argocd'));
    root = deliveryOf(readObjects(readFileSync(join(repository, 'k8s/argocd/root.yaml'), 'utf8'), 'root.yaml'));
  });
  afterAll(() => manifests.remove());

  const render = (path: string): Promise<readonly KubernetesObject[]> => {
    const rendering = renderings.get(path) ?? manifests.render(path.replace(/^k8s\//, ''));
    renderings.set(path, rendering);
    return rendering;
  };
  const renderedBy = async ({ spec }: Application): Promise<readonly KubernetesObject[]> => {
    const paths = spec.sources.flatMap(({ path }) => path ?? []);
    return (await Promise.all(paths.map(render))).flat();
  };
  const named = (name: string): Application => {
    const found = delivery.applications.find(({ metadata }) => metadata.name === name);
    if (found === undefined) {
      throw new Error(`there is no application ${name}`);
    }
    return found;
  };
  const environment = (name: Environment): Application => named(`rookery-${name}`);

  it('is what its projects allow: sources, namespaces, kinds', async () => {
    const refused = await Promise.all(
      delivery.applications.map(async (one) => forbidden(one, delivery, await renderedBy(one))),
    );
    expect(refused.flat()).toEqual([]);
    const [application] = root.applications;
    if (application === undefined) {
      throw new Error('there is no root');
    }
    expect(forbidden(application, root, await render('k8s/argocd'))).toEqual([]);
  });

  it('may not have more than the environments have: with a canary, the mesh and the broker’s chart', async () => {
    manifests.write(
      'overlays/all/kustomization.yaml',
      'namespace: rookery\nresources: [../prod]\ncomponents: [../../components/canary, ../../components/mesh-linkerd]\n',
    );
    const [project] = delivery.projects.filter(({ metadata }) => metadata.name === 'rookery');
    if (project === undefined) {
      throw new Error('there is no project rookery');
    }
    const all = await Promise.all(['k8s/overlays/dev-shared', 'k8s/overlays/staging', 'k8s/overlays/all'].map(render));
    expect(unneeded(project, all.flat())).toEqual([]);
    expect(
      unneeded(
        project,
        all.flat().filter(({ kind }) => kind !== 'Rollout'),
      ),
    ).toEqual(['argoproj.io/Rollout']);
    expect(forbidden(environment('prod'), delivery, await render('k8s/overlays/all'))).toEqual([]);
  });

  it('lets no environment have roles, secrets or definitions', () => {
    const [project] = delivery.projects.filter(({ metadata }) => metadata.name === 'rookery');
    const object = (apiVersion: string, kind: string, namespace?: string): KubernetesObject => ({
      apiVersion,
      kind,
      metadata: { name: 'any', labels: {}, annotations: {}, namespace },
    });
    for (const [apiVersion, kind, namespace] of [
      ['rbac.authorization.k8s.io/v1', 'RoleBinding', 'rookery'],
      ['rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', undefined],
      ['apiextensions.k8s.io/v1', 'CustomResourceDefinition', undefined],
      ['v1', 'Secret', 'rookery'],
      ['v1', 'Namespace', undefined],
      ['v1', 'ConfigMap', 'kube-system'],
    ] as const) {
      expect(forbidden(environment('prod'), delivery, [object(apiVersion, kind, namespace)])).toHaveLength(1);
    }
    expect(project?.spec.sourceRepos).not.toContain('*');
  });

  it('names every version exactly', () => {
    expect([...loose(delivery), ...loose(root)]).toEqual([]);
    const [prometheus] = delivery.applications.filter(({ metadata }) => metadata.name === 'prometheus');
    const ranged = structuredClone(prometheus);
    ranged?.spec.sources.forEach((source) => (source.targetRevision = '87.*'));
    expect(loose({ projects: [], applications: ranged === undefined ? [] : [ranged] })).toEqual(['prometheus: 87.*']);
  });

  it.each(Environments)('%s is the overlay that promotions write to', (name) => {
    expect(environment(name).spec.sources[0]?.path).toBe(overlayOf(name));
  });

  it('has in the shared dev environment what a laptop’s cluster has, but for its secrets, its way in and what is once per cluster', async () => {
    const withoutHash = (object: KubernetesObject): string => idOf(object).replace(/-[a-z0-9]{10}$/, '');
    const [laptop, shared] = await Promise.all(['k8s/overlays/dev', 'k8s/overlays/dev-shared'].map(render));
    const ids = new Set((shared ?? []).map(withoutHash));
    const missing = (laptop ?? []).map(withoutHash).filter((id) => !ids.has(id));
    expect(
      missing.filter((id) => !/^(Secret|Ingress|PriorityClass)\/|^NetworkPolicy\/ingress-nginx$/.test(id)),
    ).toEqual([]);
    expect([...ids].filter((id) => !(laptop ?? []).map(withoutHash).includes(id))).toEqual([]);
    expect(missing).toContain('Secret/orders-secrets');
  });

  it('follows main by itself in dev and staging, and in prod only by hand', () => {
    for (const name of ['dev', 'staging'] as const) {
      expect(environment(name).spec.syncPolicy.automated).toEqual({ prune: true, selfHeal: true });
    }
    expect(environment('prod').spec.syncPolicy).not.toHaveProperty('automated');
  });

  it('deploys to prod what it deploys to staging: the same broker, by the same values', () => {
    const broker = (name: Environment) => {
      const [, chart] = environment(name).spec.sources;
      return { version: chart?.targetRevision, values: chart?.helm?.valueFiles };
    };
    expect(broker('prod')).toEqual(broker('staging'));
    const [values = ''] = broker('prod').values ?? [];
    expect(existsSync(join(repository, values.replace('$repository/', '')))).toBe(true);
  });

  describe.each(['staging', 'prod'] as const)('the broker of %s, by the chart’s own templates,', (name) => {
    const values: unknown = parse(readFileSync(join(repository, 'k8s/platform/production/nats/values.yaml'), 'utf8'));
    const Labels = z.record(z.string(), z.string());
    const Parameters = z.array(z.object({ name: z.string(), value: z.string() }));

    /** What the chart merges into its object there, with what the application says. */
    const labelsAt = (path: string): Readonly<Record<string, string>> => {
      const [, chart] = environment(name).spec.sources;
      const said = Parameters.parse(chart?.helm?.['parameters'])
        .filter((parameter) => parameter.name.startsWith(`${path}.`))
        .map((parameter) => [parameter.name.slice(path.length + 1).replaceAll('\\.', '.'), parameter.value] as const);
      return { ...Labels.parse(pick(values, path)[0] ?? {}), ...Object.fromEntries(said) };
    };

    // Its volumes get the labels of nothing else, and the policy cost-labels refuses volumes without.
    it.each(['podTemplate', 'config.jetstream.fileStore.pvc'])(
      'carries the labels that costs are told apart by: %s',
      (path) => {
        expect(labelsAt(`${path}.merge.metadata.labels`)).toMatchObject({
          'rookery.dev/team': 'platform',
          'rookery.dev/service': 'broker',
          'rookery.dev/environment': name,
        });
      },
    );

    it('has nothing mounted twice: the reloader gets by itself what the server has under /etc', () => {
      const server = strings(values, 'container.patch.*.value.mountPath');
      expect(server).toEqual(['/etc/rookery']);
      expect(strings(values, 'reloader.patch.*.value.mountPath').filter((path) => server.includes(path))).toEqual([]);
    });
  });

  it('has the platform before the environments, and of that first what others are made of', () => {
    const wave = (name: string): number => waveOf(named(name));
    const environments = Environments.map((name) => waveOf(environment(name)));
    const others = delivery.applications.filter(({ metadata }) => !metadata.name.startsWith('rookery-')).map(waveOf);
    expect(Math.max(...others)).toBeLessThan(Math.min(...environments));
    for (const [first, then] of [
      ['cert-manager', 'mesh-identity'],
      ['trust-manager', 'mesh-identity'],
      ['linkerd-crds', 'linkerd'],
      ['linkerd-cni', 'linkerd'],
      ['mesh-identity', 'linkerd'],
      ['linkerd', 'prometheus'],
      ['kyverno', 'policies'],
      ['cert-manager', 'barman-cloud'],
    ] as const) {
      expect([first, then, wave(first) < wave(then)]).toEqual([first, then, true]);
    }
  });
});
