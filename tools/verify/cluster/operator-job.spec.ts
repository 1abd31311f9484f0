import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '@rookery/devkit/stack/repository';
import { resources, unrestrictedPods } from './checks/pods';
import { type Bundle, strings } from './manifest';
import { readObjects } from './render';
import { schemaFaults, unknownFields } from './schemas';

describe('the Job of the operator’s program in docs/operate.md', () => {
  const page = readFileSync(join(repository, 'docs/operate.md'), 'utf8');
  const objects = readObjects(/```yaml\n([^]*?)```/u.exec(page)?.[1] ?? '', 'docs/operate.md');
  const bundle: Bundle = { overlay: 'docs', environment: 'prod', objects, shared: [], natsChart: undefined };

  it('is a Job that Kubernetes takes, with no field that it does not know', async () => {
    expect(objects.map(({ kind }) => kind)).toEqual(['Job']);
    expect(await schemaFaults(objects)).toEqual([]);
    expect(unknownFields(objects)).toEqual([]);
  });

  it('is restricted, has requests and limits, and takes its token from a Secret', () => {
    expect(unrestrictedPods(bundle)).toEqual([]);
    expect(resources(bundle)).toEqual([]);
    expect(strings(objects, '*.spec.template.spec.containers.*.env.*.valueFrom.secretKeyRef.key')).toEqual([
      'ROOKERY_TOKEN',
    ]);
    expect(strings(objects, '*.spec.template.spec.containers.*.image')).toEqual([
      expect.stringMatching(/^ghcr\.io\/rookery\/operator@sha256:/u),
    ]);
  });
});
