import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { kubectlHere } from '../cluster/kubectl';
import type { KubernetesObject } from '../cluster/manifest';
import { Manifests, readObjects } from '../cluster/render';
import { schemaFaults, unknownFields, unknownKinds } from '../cluster/schemas';

const kubectl = await kubectlHere();

(kubectl === undefined ? describe.skip : describe)('deliveries, policies and rollouts', () => {
  let manifests: Manifests;
  let objects: readonly KubernetesObject[];

  beforeAll(async () => {
    manifests = await Manifests.copy(kubectl ?? '');
    for (const component of ['canary', 'blue-green']) {
      manifests.write(
        `overlays/${component}/kustomization.yaml`,
        `namespace: rookery\nresources: [../prod]\ncomponents: [../../components/${component}]\n`,
      );
    }
    const rendered = await Promise.all(
      ['argocd', 'components/policies', 'platform/mesh', 'overlays/canary', 'overlays/blue-green'].map((path) =>
        manifests.render(path),
      ),
    );
    const root = readFileSync(join(manifests.folder, 'argocd/root.yaml'), 'utf8');
    const groups = ['argoproj.io', 'policies.kyverno.io', 'cert-manager.io', 'trust.cert-manager.io'];
    objects = [...rendered.flat(), ...readObjects(root, 'root.yaml')].filter(({ apiVersion }) =>
      groups.includes(apiVersion.split('/')[0] ?? ''),
    );
  });
  afterAll(() => manifests.remove());

  const withField = (object: KubernetesObject, field: string, value: unknown): KubernetesObject => ({
    ...object,
    spec: { ...z.record(z.string(), z.unknown()).parse(object['spec']), [field]: value },
  });

  it('are of kinds that we use, with the values and only the fields that these have', async () => {
    expect(new Set(objects.map(({ kind }) => kind)).size).toBeGreaterThan(6);
    expect(unknownKinds(objects)).toEqual([]);
    expect(await schemaFaults(objects)).toEqual([]);
    expect(unknownFields(objects)).toEqual([]);
  });

  it.each([
    ['AnalysisTemplate', 'metrics', [{ name: 'any', provider: {}, count: true }]],
    ['Application', 'project', 7],
    ['ValidatingPolicy', 'validations', 'none'],
  ])('a wrong value in a %s is found', async (kind, field, value) => {
    const [object] = objects.filter((one) => one.kind === kind);
    if (object === undefined) {
      throw new Error(`there is no ${kind}`);
    }
    expect(await schemaFaults([withField(object, field, value)])).not.toEqual([]);
  });

  it('a field that a kind does not have is found', () => {
    const found = objects.filter(({ kind }) => ['Rollout', 'AppProject', 'ImageValidatingPolicy'].includes(kind));
    const misspelt = found.map((object) => withField(object, 'sourcerepos', []));
    expect(unknownFields(misspelt)).toHaveLength(misspelt.length);
  });
});
