import { join } from 'node:path';
import type { Command } from 'commander';
import { seedCatalog } from '@rookery/devkit/client/catalog-seed';
import { takeRotations } from '@rookery/devkit/rotation/control';
import { APPS } from '@rookery/devkit/stack/app-process';
import { buildApps } from '@rookery/devkit/stack/build';
import { lockDataFolder } from '@rookery/devkit/stack/data-lock';
import {
  embeddedInfrastructure,
  givenInfrastructure,
  type Infrastructure,
  infrastructureIsGiven,
} from '@rookery/devkit/stack/infrastructure';
import { requireFreePorts } from '@rookery/devkit/stack/ports';
import { repository } from '@rookery/devkit/stack/repository';
import { provideSecrets } from '@rookery/devkit/stack/secrets';
import {
  appPorts,
  embeddedPorts,
  hasLeftovers,
  readSettings,
  type StackSettings,
} from '@rookery/devkit/stack/settings';
import { migrateAll, provideEnvs, type Stack, startStack, untilServerEnds } from '@rookery/devkit/stack/stack';
import { both } from '@rookery/devkit/terminal/both';
import type { Progress } from '@rookery/devkit/terminal/progress';
import type { Shutdown } from '@rookery/devkit/terminal/shutdown';
import { type Run, staying } from '../run';

export function addStart(parent: Command): void {
  parent
    .command('start')
    .option('--servers-only', 'Postgres and NATS with databases, users and streams, for `npx nx serve <app>`')
    .addHelpText(
      'after',
      `
Migrates, seeds and runs the five apps on embedded Postgres and NATS, or on the servers that DATABASE_URL_<SERVICE> and NATS_URL name.
Ctrl-C stops everything; a second start keeps the data.`,
    )
    .action(
      staying((run: Run, { serversOnly }: { readonly serversOnly?: true }) =>
        serversOnly === true ? startServers(run) : startSystem(run),
      ),
    );
}

async function startSystem({ progress, shutdown }: Run): Promise<() => Promise<string>> {
  const settings = readSettings();
  const given = infrastructureIsGiven();
  process.stderr.write('Rookery\n');
  shutdown.afterwards(lockDataFolder(settings.dataFolder, progress.say));
  await requireFreePorts([
    ...appPorts(settings.ports),
    ...(given || hasLeftovers(settings) ? [] : embeddedPorts(settings)),
  ]);
  const secrets = await provideSecrets(settings.dataFolder);
  const bringUp = async (): Promise<Infrastructure> => {
    const made = given
      ? await givenInfrastructure(progress)
      : await embeddedInfrastructure(settings, secrets, progress);
    shutdown.afterwards(() => progress.step('servers stopped', () => made.stop()));
    return made;
  };
  const build = progress.step(`build of ${APPS.length} apps`, () => buildApps({ signal: shutdown.signal }));
  const infrastructure = await both(bringUp(), build);
  shutdown.throwIfAsked();
  const options = {
    ...settings,
    secrets,
    infrastructure,
    folder: settings.dataFolder,
    progress,
    signal: shutdown.signal,
  };
  const stack = await startStack(options);
  shutdown.afterwards(() => progress.step('apps stopped', () => stack.stop()));
  shutdown.afterwards(await takeRotations(stack, options));
  await seed(settings, stack, progress, shutdown);
  welcome(settings, stack, progress);
  return stack.untilFailure;
}

async function seed(
  { issuer, dataFolder }: StackSettings,
  stack: Stack,
  progress: Progress,
  shutdown: Shutdown,
): Promise<void> {
  shutdown.throwIfAsked();
  // Somebody else's issuer knows no olga.
  if (issuer !== undefined && issuer !== stack.authUrl) {
    progress.say('catalog not seeded: OIDC_ISSUER is another one');
    return;
  }
  await seedCatalog({
    gatewayUrl: stack.gatewayUrl,
    authUrl: stack.authUrl,
    marker: join(dataFolder, 'catalogue-seeded'),
    progress,
  });
}

function welcome({ dataFolder }: StackSettings, { gatewayUrl, authUrl }: Stack, progress: Progress): void {
  // Programs find the stack of their checkout's data folder; another folder has to be named.
  const environment = dataFolder === join(repository, '.data') ? '' : `GATEWAY_URL=${gatewayUrl} AUTH_URL=${authUrl} `;
  process.stdout.write(`
Ready after ${progress.elapsed}.

  API         ${gatewayUrl}
  Swagger UI  ${gatewayUrl}/docs   (log in as alice, password alice-demo-password)
  Log-in      ${authUrl}/.well-known/openid-configuration
  Logs        ${join(dataFolder, 'logs')}

Place an order:

  TOKEN=$(${environment}npm run -s token alice)
  PRODUCT=$(curl -s '${gatewayUrl}/v1/products?limit=1' | node -pe 'JSON.parse(fs.readFileSync(0)).items[0].id')
  curl -s ${gatewayUrl}/v1/orders -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: $(date +%s%N)" \\
    -H 'Content-Type: application/json' -d '{"lines":[{"productId":"'$PRODUCT'","quantity":1}],"paymentToken":"tok_ok"}'

Or watch three of them: ${environment}npm run demo
Stop everything: Ctrl-C. Empty the data: npm run reset
`);
}

/** Runs only Postgres and NATS, with databases, users and streams. */
async function startServers({ progress, shutdown }: Run): Promise<() => Promise<string>> {
  const settings = readSettings();
  process.stderr.write('Rookery, infrastructure only\n');
  shutdown.afterwards(lockDataFolder(settings.dataFolder, progress.say));
  const secrets = await provideSecrets(settings.dataFolder);
  const bringUp = async () => {
    const made = await embeddedInfrastructure(settings, secrets, progress);
    shutdown.afterwards(() => progress.step('servers stopped', () => made.stop()));
    return made;
  };
  const build = progress.step('build, for the migrations', () => buildApps({ signal: shutdown.signal }));
  const infrastructure = await both(bringUp(), build);
  shutdown.throwIfAsked();
  const envs = provideEnvs({ ...settings, secrets, infrastructure, folder: settings.dataFolder });
  await progress.step('migrations', () => migrateAll(envs));
  process.stdout.write(`
Ready after ${progress.elapsed}.

  Postgres   127.0.0.1:${settings.postgresPort}
  NATS       127.0.0.1:${settings.natsPort}
  Addresses and credentials of each app: ${join(settings.dataFolder, 'env')}/<app>.env

In other terminals: npx nx serve gateway, npx nx serve auth, npx nx serve products, npx nx serve orders, npx nx serve payments
The first npm start fills the catalog.
Stop: Ctrl-C
`);
  return () => untilServerEnds(infrastructure);
}
