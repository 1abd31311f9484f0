import { stringify } from 'yaml';
import type { Case } from './cases';
import { policies, policiesFolder } from './policy';

/** A file of the folder that `kyverno test` is given. */
export interface TestFile {
  readonly name: string;
  readonly text: string;
}

/** The cases as Kyverno’s own program reads them; `root` is the way from the folder to the repository. */
export function kyvernoTest(cases: readonly Case[], root: string): readonly TestFile[] {
  const concerned = policies().filter(({ metadata: { name } }) => cases.some(({ policy }) => policy === name));
  const namespaces = [...new Set(cases.map(({ resource }) => resource.metadata.namespace ?? ''))];
  const test = {
    apiVersion: 'cli.kyverno.io/v1alpha1',
    kind: 'Test',
    metadata: { name: 'policies' },
    policies: concerned.map(({ metadata: { name } }) => `${root}/${policiesFolder}/${name}.yaml`),
    resources: ['resources.yaml'],
    variables: 'values.yaml',
    results: cases.map(({ policy, resource, refusedFor }) => ({
      policy,
      isValidatingPolicy: true,
      kind: resource.kind,
      resources: [`${resource.metadata.namespace}/${resource.metadata.name}`],
      result: refusedFor === undefined ? 'pass' : 'fail',
    })),
  };
  const values = {
    apiVersion: 'cli.kyverno.io/v1alpha1',
    kind: 'Value',
    metadata: { name: 'values' },
    namespaceSelector: namespaces.map((name) => ({ name, labels: { 'kubernetes.io/metadata.name': name } })),
  };
  return [
    { name: 'kyverno-test.yaml', text: stringify(test) },
    { name: 'values.yaml', text: stringify(values) },
    // Without anchors, which not every reader of Kubernetes resolves.
    {
      name: 'resources.yaml',
      text: cases.map(({ resource }) => stringify(resource, { aliasDuplicateObjects: false })).join('---\n'),
    },
  ];
}
