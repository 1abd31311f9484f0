import { recordOf } from '@rookery/contracts';
import { BROKER_CLIENTS, MAIN_ACCOUNT } from '@rookery/devkit/stack/broker-accounts';
import { type BrokerClient, brokerUsers, natsAccountsConfig, natsServerSettings } from '@rookery/messaging';

/** Where the files are that nats-server reads in a container. */
export const NATS_CONFIG_FOLDER = 'k8s/platform/nats';

/** Variables of nats-server's environment with the public keys that each client may use: the one in use, and the next one. */
export const brokerKeyVariables: Readonly<Record<BrokerClient, readonly [string, string?]>> = recordOf(
  BROKER_CLIENTS,
  (client) => {
    const current = `NATS_NKEY_${client.toUpperCase()}`;
    return client === 'admin' ? [current] : [current, `${current}_NEXT`];
  },
);

const variables = (names: readonly (string | undefined)[]) =>
  names.filter((name) => name !== undefined).map((variable) => ({ variable }));

/** nats-server's configuration for containers, from the same rules as that of the embedded one: users, permissions, limits. */
export function natsConfigFiles(): readonly { readonly path: string; readonly text: string }[] {
  const users = brokerUsers(recordOf(BROKER_CLIENTS, (client) => variables(brokerKeyVariables[client])));
  const accounts = natsAccountsConfig([{ name: MAIN_ACCOUNT, users }]);
  const where = {
    host: '0.0.0.0',
    port: 4222,
    httpPort: 8222,
    storeDir: '/data',
    // Within the 2 GiB of the volume in k8s/platform/dev/nats; the streams of events and dead letters have 1,728 MiB.
    maxFileStore: '1900MB',
  };
  const settings = natsServerSettings(where);
  const overTls = natsServerSettings({
    ...where,
    tls: { ca: '/run/tls/ca.crt', cert: '/run/tls/nats.crt', key: '/run/tls/nats.key' },
  });
  return [
    { path: `${NATS_CONFIG_FOLDER}/accounts.conf`, text: `${ACCOUNTS_HEAD}\n${accounts}` },
    { path: `${NATS_CONFIG_FOLDER}/nats.conf`, text: `${SETTINGS_HEAD}\n${settings}include "accounts.conf"\n` },
    { path: `${NATS_CONFIG_FOLDER}/nats.tls.conf`, text: `${TLS_HEAD}\n${overTls}include "accounts.conf"\n` },
  ];
}

const MADE_BY = '# Made by `npm run generate` from libs/messaging; `npm test` fails when it is stale.';

const ACCOUNTS_HEAD = [
  MADE_BY,
  '# The keys come from the environment of nats-server. They are public: the seeds that belong to them are with the services. _NEXT is',
  '# the key that a service is given next (docs/rotation.md); until then one whose seed nobody has.',
].join('\n');

const SETTINGS_HEAD = [MADE_BY, '# Without TLS: for a development cluster.'].join('\n');

const TLS_HEAD = [MADE_BY, '# For docker/compose.yaml, which puts the files into /run/tls.'].join('\n');
