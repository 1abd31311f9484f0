import { z } from 'zod';
import { kubectlHere } from '../cluster/kubectl';
import { idOf, type KubernetesObject, pick, strings } from '../cluster/manifest';
import { Manifests } from '../cluster/render';

const kubectl = await kubectlHere();

(kubectl === undefined ? describe.skip : describe)('a release by Argo Rollouts', () => {
  let manifests: Manifests;
  const releases: Record<string, readonly KubernetesObject[]> = {};

  beforeAll(async () => {
    manifests = await Manifests.copy(kubectl ?? '');
    for (const component of ['canary', 'blue-green']) {
      manifests.write(
        `overlays/${component}/kustomization.yaml`,
        `namespace: rookery\nresources: [../prod]\ncomponents: [../../components/${component}]\n`,
      );
      releases[component] = await manifests.render(`overlays/${component}`);
    }
  });
  afterAll(() => manifests.remove());

  const objects = (component: string): readonly KubernetesObject[] => releases[component] ?? [];
  const named = (component: string, id: string): KubernetesObject => {
    const found = objects(component).find((object) => idOf(object) === id);
    if (found === undefined) {
      throw new Error(`${component} has no ${id}`);
    }
    return found;
  };
  const rolled = [
    ['canary', 'gateway'],
    ['canary', 'orders'],
    ['blue-green', 'gateway'],
  ] as const;

  it.each(rolled)('%s of %s takes its pods from the Deployment, whose number nobody sets', (component, service) => {
    const rollout = named(component, `Rollout/${service}`);
    const deployment = named(component, `Deployment/${service}`);
    expect(pick(rollout, 'spec.workloadRef')).toEqual([
      { apiVersion: 'apps/v1', kind: 'Deployment', name: service, scaleDown: 'progressively' },
    ]);
    expect(pick(rollout, 'spec.selector')).toEqual(pick(deployment, 'spec.selector'));
    expect([...pick(rollout, 'spec.replicas'), ...pick(deployment, 'spec.replicas')]).toEqual([]);
  });

  it.each(rolled)('%s of %s is what is scaled and measured', (component, service) => {
    const target = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name: service };
    expect(pick(named(component, `HorizontalPodAutoscaler/${service}`), 'spec.scaleTargetRef')).toEqual([target]);
    expect(pick(named(component, `VerticalPodAutoscaler/${service}`), 'spec.targetRef')).toEqual([target]);
  });

  it.each(rolled)('%s of %s is judged by templates that are there and get all they ask for', (component, service) => {
    const rollout = named(component, `Rollout/${service}`);
    const analyses = [
      ...pick(rollout, 'spec.strategy.canary.analysis'),
      ...pick(rollout, 'spec.strategy.blueGreen.postPromotionAnalysis'),
    ];
    expect(analyses).toHaveLength(1);
    const given = strings(analyses[0], 'args.*.name');
    const templates = strings(analyses[0], 'templates.*.templateName');
    expect(templates).not.toHaveLength(0);
    for (const name of templates) {
      const template = named(component, `AnalysisTemplate/${name}`);
      expect(given).toEqual(expect.arrayContaining([...strings(template, 'spec.args.*.name')]));
      const used = strings(template, 'spec.metrics.*.provider.prometheus.query').flatMap((query) =>
        [...query.matchAll(/\{\{args\.([a-z]+)\}\}/g)].map(([, argument]) => argument),
      );
      expect(new Set(used)).toEqual(new Set(strings(template, 'spec.args.*.name')));
    }
    expect(strings(analyses[0], 'args.*.value')).toEqual([service]);
  });

  it('ends an analysis: a number of measurements, within the time that the old version stays', () => {
    const Metric = z.looseObject({ count: z.int(), interval: z.literal('1m'), initialDelay: z.enum(['1m', '2m']) });
    const metrics = objects('canary')
      .filter(({ kind }) => kind === 'AnalysisTemplate')
      .flatMap((template) => pick(template, 'spec.metrics.*'))
      .map((metric) => Metric.parse(metric));
    const longestS = Math.max(...metrics.map(({ count }) => (count + 2) * 60));
    const [stays] = pick(named('blue-green', 'Rollout/gateway'), 'spec.strategy.blueGreen.scaleDownDelaySeconds');
    expect(Number(stays)).toBeGreaterThan(longestS);
  });

  it('shifts every request that the gateway’s route takes, from nothing upwards', () => {
    const canary = 'spec.strategy.canary';
    const rollout = named('canary', 'Rollout/gateway');
    const [stableService] = strings(rollout, `${canary}.stableService`);
    const [canaryService] = strings(rollout, `${canary}.canaryService`);
    const plugin = `${canary}.trafficRouting.plugins.argoproj-labs/gatewayAPI`;
    expect(pick(rollout, plugin)).toEqual([{ httpRoute: 'gateway', namespace: 'rookery' }]);
    const rules = pick(named('canary', 'HTTPRoute/gateway'), 'spec.rules.*');
    expect(rules.length).toBeGreaterThan(1);
    for (const rule of rules) {
      expect(pick(rule, 'backendRefs')).toEqual([
        [
          { name: stableService, port: 80 },
          { name: canaryService, port: 80, weight: 0 },
        ],
      ]);
    }
    const weights = pick(rollout, `${canary}.steps.*.setWeight`).map(Number);
    expect(weights).toEqual(weights.toSorted((one, other) => one - other));
    expect(weights[0]).toBeLessThanOrEqual(5);
  });

  it.each([
    ['canary', 'gateway-canary'],
    ['blue-green', 'gateway-preview'],
  ])('%s has a Service of its own for the new version, of the same pods and port', (component, name) => {
    const [service, stable] = [named(component, `Service/${name}`), named(component, 'Service/gateway')];
    expect(pick(service, 'spec')).toEqual(pick(stable, 'spec'));
    expect(strings(named(component, 'Rollout/gateway'), 'spec.strategy.*.*')).toContain(name);
  });
});
