import { brokerUsers, natsAccountsConfig, natsServerSettings } from '@rookery/messaging';
import { MAIN_ACCOUNT } from '../stack/broker-accounts';

/** Where the files are that nats-server reads in a container. */
export const NATS_CONFIG_FOLDER = 'k8s/platform/nats';

/** Variables of nats-server's environment that hold the passwords of the processes' users. */
export const brokerPasswordVariables = {
  gateway: 'NATS_PASSWORD_GATEWAY',
  auth: 'NATS_PASSWORD_AUTH',
  products: 'NATS_PASSWORD_PRODUCTS',
  orders: 'NATS_PASSWORD_ORDERS',
  payments: 'NATS_PASSWORD_PAYMENTS',
} as const;

/** Variable that holds the admin's. */
export const BROKER_ADMIN_VARIABLE = 'NATS_ADMIN_PASSWORD';

const variableOf = (variable: string) => ({ variable });

/** nats-server's configuration for containers, from the same rules as that of the embedded one: users, permissions, limits. */
export function natsConfigFiles(): readonly { readonly path: string; readonly text: string }[] {
  const users = brokerUsers({
    gateway: variableOf(brokerPasswordVariables.gateway),
    auth: variableOf(brokerPasswordVariables.auth),
    products: variableOf(brokerPasswordVariables.products),
    orders: variableOf(brokerPasswordVariables.orders),
    payments: variableOf(brokerPasswordVariables.payments),
  });
  const accounts = natsAccountsConfig([{ name: MAIN_ACCOUNT, users }], variableOf(BROKER_ADMIN_VARIABLE));
  const settings = natsServerSettings({
    host: '0.0.0.0',
    port: 4222,
    httpPort: 8222,
    storeDir: '/data',
    // Within the 2 GiB of the volume in k8s/platform/dev/nats; the streams of events and dead letters have 1,728 MiB.
    maxFileStore: '1900MB',
  });
  return [
    { path: `${NATS_CONFIG_FOLDER}/accounts.conf`, text: `${ACCOUNTS_HEAD}\n${accounts}` },
    { path: `${NATS_CONFIG_FOLDER}/nats.conf`, text: `${SETTINGS_HEAD}\n${settings}include "accounts.conf"\n` },
  ];
}

const MADE_BY = '# Made by `npm run generate` from libs/messaging; `npm test` fails when it is stale.';

const ACCOUNTS_HEAD = [
  MADE_BY,
  '# The passwords come from the environment of nats-server, which reads a value there as it reads this file: one that begins with a',
  '# digit or a minus may be taken for a number. Those of `npm run secrets` begin with a letter.',
].join('\n');

const SETTINGS_HEAD = [MADE_BY, '# For TLS or a cluster, write a file that includes this one and adds its block.'].join(
  '\n',
);
