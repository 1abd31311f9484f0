import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { z } from 'zod';
import { type Caller, Callers, recordOf, Services } from '@rookery/contracts';
import { brokerLogin } from '@rookery/messaging';
import { IMAGES } from './app-process';
import { BROKER_CLIENTS } from './broker-accounts';
import { buildApps } from './build';
import { createDatabases } from './databases';
import { type Infrastructure, provision } from './infrastructure';
import { freePorts } from './ports';
import { makeSecrets } from './secrets';
import { type Stack, startStack } from './stack';

const seeds = z.object(recordOf(BROKER_CLIENTS, () => z.string()));
const TestEnvironment = z.object({
  TEST_POSTGRES_URL: z.string(),
  TEST_NATS_URL: z.string(),
  TEST_NATS_SEEDS: z.string().transform((text) => z.record(z.string(), seeds).parse(JSON.parse(text))),
});

/** Long enough for 50 orders at once on two cores, short enough for the spec that waits for it. */
const ORDER_DEADLINE_SECONDS = 15;

export interface TestStackOptions {
  /** One of the test broker's accounts, E1..E9, of this suite alone: suites run side by side. Also tells stacks on one Postgres apart. */
  readonly account: string;
  readonly orderDeadlineSeconds?: number;
  /** Settings of single apps beyond the usual ones. */
  readonly extra?: Readonly<Partial<Record<Caller, Readonly<Record<string, string>>>>>;
}

/** A whole stack on free ports, on the Jest run's Postgres and nats-server. */
export interface TestStack extends Stack {
  readonly infrastructure: Infrastructure;
  /** Holds `env/<app>.env` and `logs/<app>.log`. */
  readonly folder: string;
}

/** Starts the apps from dist/ with databases and a broker account of their own. */
export async function startTestStack({
  account,
  orderDeadlineSeconds = ORDER_DEADLINE_SECONDS,
  extra,
}: TestStackOptions): Promise<TestStack> {
  const test = TestEnvironment.parse(process.env);
  const brokerSeeds = test.TEST_NATS_SEEDS[account];
  if (brokerSeeds === undefined) {
    throw new Error(`the test broker has no account ${account}`);
  }
  const secrets = await makeSecrets();
  const prefix = `${account.toLowerCase()}_${randomBytes(3).toString('hex')}_`;
  const admin = { nkeySeed: brokerSeeds.admin };
  await refuseUsedAccount(account, test.TEST_NATS_URL, admin);
  const [databases] = await Promise.all([
    createDatabases({ url: test.TEST_POSTGRES_URL, passwords: secrets.databases, prefix }),
    provision(test.TEST_NATS_URL, admin),
  ]);
  const numbers = await freePorts(Callers.length);
  const infrastructure: Infrastructure = {
    databases,
    broker: { url: test.TEST_NATS_URL, seeds: brokerSeeds },
    servers: [],
    stop: () => Promise.resolve(),
  };
  const folder = mkdtempSync(join(tmpdir(), `rookery-test-${process.pid}-stack-`));
  const stack = await startStack({
    ports: recordOf(Callers, (app) => numbers[Callers.indexOf(app)] ?? 0),
    infrastructure,
    secrets,
    folder,
    orderDeadlineSeconds,
    requestsPerMinute: 1_000_000,
    // Specs send from one address, and much.
    extra: {
      ...extra,
      gateway: {
        REGISTRATION_LIMIT_PER_HOUR: '1000000',
        // The machine may have other specs to run: that it is slow is nothing that these try.
        LOAD_SHEDDING_MIN_IN_FLIGHT: '512',
        LOAD_SHEDDING_EVENT_LOOP_DELAY_MS: '10000',
        ...extra?.gateway,
      },
    },
  }).catch((error: unknown) => {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  });
  return {
    ...stack,
    infrastructure,
    folder,
    stop: async () => {
      await stack.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Another suite's events would be handled here, or ours there. */
async function refuseUsedAccount(account: string, url: string, login: { readonly nkeySeed: string }): Promise<void> {
  const admin = await connect({ servers: url, ...brokerLogin(login) });
  try {
    const { streams } = await (await jetstreamManager(admin)).getAccountInfo();
    if (streams > 0) {
      throw new Error(`the broker account ${account} is another suite's: take one that is free`);
    }
  } finally {
    await admin.close();
  }
}

/** What the end-to-end specs read about the stack that their global set-up started. */
export function testStackEnv({ gatewayUrl, authUrl, infrastructure, folder, envs }: TestStack): Record<string, string> {
  const { databases, broker } = infrastructure;
  return {
    E2E_GATEWAY_URL: gatewayUrl,
    E2E_AUTH_URL: authUrl,
    ...Object.fromEntries(
      Services.map((service) => [`E2E_DATABASE_URL_${service.toUpperCase()}`, databases[service]] as const),
    ),
    E2E_NATS_URL: broker.url,
    E2E_NATS_SEEDS: JSON.stringify(broker.seeds),
    E2E_ORDER_DEADLINE_SECONDS: envs.orders['ORDER_DEADLINE_SECONDS'] ?? '',
    // For a spec that starts one more replica: `node --env-file=<folder>/env/<app>.env dist/apps/<app>/main.js`.
    E2E_STACK_FOLDER: folder,
  };
}

/** Builds what is not built and starts the stack of the run. */
export async function startEndToEndStack(): Promise<TestStack> {
  // `npm test` and `nx test e2e` have built already.
  if (process.env['ROOKERY_BUILT'] === undefined && process.env['NX_TASK_TARGET_PROJECT'] === undefined) {
    await buildApps({ apps: IMAGES });
  }
  return startTestStack({
    account: 'E1',
    orderDeadlineSeconds: Number(process.env['ORDER_DEADLINE_SECONDS'] ?? ORDER_DEADLINE_SECONDS),
  });
}
