import { adapt, withHostAliases, withImages, withSetting } from './adapt';
import type { Facts } from './cluster';
import { type KubernetesObject, pick } from './manifest';

const object = (apiVersion: string, kind: string, name: string, rest: object = {}): KubernetesObject => ({
  apiVersion,
  kind,
  metadata: { name, labels: {}, annotations: {} },
  ...rest,
});
const pods = { template: { spec: { containers: [{ name: 'app', image: 'a:1' }], volumes: [{ name: 'run' }] } } };
const budget = object('policy/v1', 'PodDisruptionBudget', 'orders', {
  spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' },
});
const database = object('apps/v1', 'StatefulSet', 'postgres', {
  spec: { ...pods, volumeClaimTemplates: [{ metadata: { name: 'data' } }] },
});
const scaler = object('keda.sh/v1alpha1', 'ScaledObject', 'orders');

const facts = (more: Partial<Facts>): Facts => ({
  version: 'v1.35.0',
  minor: 35,
  nodes: 1,
  hasDns: true,
  hasDefaultStorage: true,
  kinds: new Set(['policy/v1 PodDisruptionBudget', 'apps/v1 StatefulSet', 'apps/v1 Deployment', 'v1 ConfigMap']),
  ...more,
});

describe('adapt', () => {
  it('changes nothing for a cluster that has everything', () => {
    const objects = [budget, database];
    expect(adapt(objects, facts({}))).toEqual({ objects, changes: [], unknown: [] });
  });

  it('calls kinds as an older server does, leaves out what it does not know, and says so', () => {
    const old = facts({ minor: 20, kinds: new Set(['policy/v1beta1 PodDisruptionBudget']) });
    const { objects, changes } = adapt([budget], old);
    expect(objects).toEqual([{ ...budget, apiVersion: 'policy/v1beta1', spec: { maxUnavailable: 1 } }]);
    expect(changes).toEqual([
      'PodDisruptionBudget: policy/v1 became policy/v1beta1',
      expect.stringContaining('without unhealthyPodEvictionPolicy'),
    ]);
  });

  it('sets aside what the server does not know at all', () => {
    expect(adapt([scaler, budget], facts({}))).toMatchObject({ objects: [budget], unknown: [scaler] });
  });

  it('keeps data in the pod where the cluster offers no storage', () => {
    const { objects, changes } = adapt([database], facts({ hasDefaultStorage: false }));
    expect(pick(objects, '*.spec.template.spec.volumes.*')).toEqual([{ name: 'run' }, { name: 'data', emptyDir: {} }]);
    expect(pick(objects, '*.spec.volumeClaimTemplates')).toEqual([]);
    expect(changes).toEqual([expect.stringContaining('StatefulSet/postgres: volume data is an emptyDir')]);
  });

  it('leaves what it was given as it is', () => {
    const before = structuredClone(database);
    adapt([database], facts({ hasDefaultStorage: false }));
    expect(database).toEqual(before);
  });
});

it('withHostAliases puts the addresses into every pod, headless Services apart', () => {
  const addresses = new Map([
    ['nats', '10.0.0.1'],
    ['headless', 'None'],
  ]);
  expect(pick(withHostAliases([database, budget], addresses), '*.spec.template.spec.hostAliases.*')).toEqual([
    { ip: '10.0.0.1', hostnames: ['nats'] },
  ]);
});

it('withImages changes the images that are named', () => {
  const images = new Map([['a:1', 'b:2']]);
  expect(pick(withImages([database], images), '*.spec.template.spec.containers.*.image')).toEqual(['b:2']);
});

describe('withSetting', () => {
  const config = object('v1', 'ConfigMap', 'gateway-config-x1', { data: { PORT: '1' } });

  it('sets it for one app', () => {
    const other = object('v1', 'ConfigMap', 'gateway-configuration', { data: {} });
    const objects = withSetting([config, other], 'gateway', 'LIMIT', '2');
    expect(pick(objects, '*.data')).toEqual([{}, { PORT: '1', LIMIT: '2' }]);
  });

  it('refuses an app without settings', () => {
    expect(() => withSetting([config], 'orders', 'LIMIT', '2')).toThrow('no ConfigMap of orders');
  });
});
