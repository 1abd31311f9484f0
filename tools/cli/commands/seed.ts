import type { Command } from 'commander';
import { requireSystem } from '@rookery/devkit/client/addresses';
import { seedCatalog } from '@rookery/devkit/client/catalog-seed';
import { type Run, running } from '../run';

export function addSeed(parent: Command): void {
  parent
    .command('seed')
    .addHelpText('after', '\nThe demo operator adds it. Products that exist already stay as they are.')
    .action(running(seed));
}

async function seed({ progress }: Run): Promise<undefined> {
  const { gatewayUrl, authUrl } = requireSystem();
  await seedCatalog({ gatewayUrl, authUrl, progress });
}
