import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BROKER_CLIENTS } from '@rookery/devkit/stack/broker-accounts';
import { repository } from '@rookery/devkit/stack/repository';
import { brokerKeyVariables } from './nats-config';

const read = (path: string): string => readFileSync(join(repository, path), 'utf8');
const found = (path: string, pattern: RegExp): readonly string[] =>
  [...new Set([...read(path).matchAll(pattern)].map(([, name = '']) => name))].toSorted();

describe('a client of the broker', () => {
  it.each([
    ['docker/compose.yaml', /^ +(NATS_NKEY_(?!SEED)\w+): /gm],
    ['k8s/components/external-secrets/platform.yaml', /secretKey: (NATS_NKEY_(?!SEED)\w+)$/gm],
    ['k8s/overlays/dev/kustomization.yaml', /secrets\/nats\/(NATS_NKEY_\w+)$/gm],
  ])('has its public keys in %s', (path, pattern) => {
    const variables = Object.values(brokerKeyVariables).flat();
    expect(found(path, pattern)).toEqual(variables.filter((name) => name !== undefined).toSorted());
  });

  it('has a certificate in the cluster; the admin is there the Job that provisions the broker', () => {
    const names = BROKER_CLIENTS.map((client) => (client === 'admin' ? 'broker-provisioning' : client));
    expect(found('k8s/components/tls/clients.yaml', /commonName: (\S+)$/gm)).toEqual(names.toSorted());
  });
});
