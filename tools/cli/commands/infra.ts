import { join } from 'node:path';
import { buildApps } from '@rookery/devkit/stack/build';
import { lockDataFolder } from '@rookery/devkit/stack/data-lock';
import { takesNoArguments } from '@rookery/devkit/terminal/help';
import { embeddedInfrastructure } from '@rookery/devkit/stack/infrastructure';
import { both, runInForeground } from '@rookery/devkit/terminal/program';
import { provideSecrets } from '@rookery/devkit/stack/secrets';
import { readSettings } from '@rookery/devkit/stack/settings';
import { migrateAll, provideEnvs, untilServerEnds } from '@rookery/devkit/stack/stack';

takesNoArguments(`Usage: npm run infra
Runs only Postgres and NATS, with databases, users and streams, for \`npx nx serve <app>\`. Settings: .env.example. Ctrl-C stops both.`);

await runInForeground(async (progress, shutdown) => {
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
The first npm start fills the catalogue.
Stop: Ctrl-C
`);
  return () => untilServerEnds(infrastructure);
});
