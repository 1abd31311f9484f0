import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  Apps,
  type Environment,
  Environments,
  imageOf,
  OverlayImages,
  overlayOf,
} from '@rookery/release/overlay-images';
import { kubectlHere } from '../cluster/kubectl';
import { Manifests } from '../cluster/render';
import { admittedFor } from './admitted';
import { concerns, judge, policies } from './policy';

const kubectl = await kubectlHere();
const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
const signed = new Map(
  Apps.map((app) => [
    `${imageOf(app)}@${digest}`,
    new Set(['signature', 'https://slsa.dev/provenance/v1', 'https://cyclonedx.org/bom']),
  ]),
);

(kubectl === undefined ? describe.skip : describe)('the policies admit', () => {
  let manifests: Manifests;
  beforeAll(async () => {
    manifests = await Manifests.copy(kubectl ?? '');
  });
  afterAll(() => manifests.remove());

  const fileOf = (environment: Environment): string =>
    `${overlayOf(environment).replace('k8s/', '')}/kustomization.yaml`;
  const textOf = (environment: Environment): string =>
    readFileSync(join(manifests.folder, fileOf(environment)), 'utf8');

  const judges = policies().map((policy) => ({ policy, refusals: judge(policy, signed) }));

  /** What the policies say of a folder’s manifests and of what is made for them, and how often one had a say. */
  const judged = async (
    folder: string,
  ): Promise<{
    readonly refused: readonly string[];
    readonly decisions: number;
    readonly names: readonly string[];
  }> => {
    const resources = (await manifests.render(folder)).flatMap(admittedFor);
    const cases = judges.flatMap((one) =>
      resources.filter((resource) => concerns(one.policy, resource)).map((resource) => ({ ...one, resource })),
    );
    const refused = cases.flatMap(({ policy, refusals, resource }) =>
      refusals(resource).map(
        (message) => `${policy.metadata.name}: ${resource.kind}/${resource.metadata.name}: ${message}`,
      ),
    );
    return { refused, decisions: cases.length, names: resources.map(({ metadata }) => metadata.name) };
  };

  /** The overlay as a promotion leaves it. */
  const released = (environment: Environment): string =>
    Apps.reduce((overlay, app) => overlay.with(app, digest), new OverlayImages(environment, textOf(environment))).text;

  it.each(Environments)('everything of %s that was promoted', async (environment) => {
    manifests.write(fileOf(environment), released(environment));
    const { refused, decisions } = await judged(fileOf(environment).replace('/kustomization.yaml', ''));
    expect(refused).toEqual([]);
    // Ten workloads at least, and three policies for each of their pods.
    expect(decisions).toBeGreaterThan(30);
  });

  it('nothing in prod that was not promoted, and says why', async () => {
    manifests.write(fileOf('prod'), released('prod').replace(`digest: ${digest}`, 'newTag: 1.0.0'));
    const { refused } = await judged('overlays/prod');
    const [deployment] = refused.filter((refusal) => refusal.includes('Pod/gateway-of-deployment'));
    expect(deployment).toMatch(/^images-by-digest: .* by digest/);
    expect(refused.filter((refusal) => !refusal.includes('Pod/gateway-') && !refusal.includes('Pod/broker-'))).toEqual(
      [],
    );
  });

  it('everything that a laptop’s cluster runs', async () => {
    expect((await judged('overlays/dev')).refused).toEqual([]);
  });

  it('everything of prod with a canary and the mesh, Redis too', async () => {
    manifests.write(fileOf('prod'), released('prod'));
    manifests.write(
      'overlays/all/kustomization.yaml',
      'namespace: rookery\nresources: [../prod]\ncomponents: [../../components/canary, ../../components/mesh-linkerd]\n',
    );
    const { refused, names } = await judged('overlays/all');
    expect(names).toContain('redis-of-statefulset');
    expect(refused).toEqual([]);
  });
});
