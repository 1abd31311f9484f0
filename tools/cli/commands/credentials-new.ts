import { Argument, type Command } from 'commander';
import { repository } from '@rookery/devkit/stack/repository';
import { makeSecrets } from '@rookery/devkit/stack/secrets';
import { writeComposeSecrets, writeKubernetesSecrets } from '@rookery/release/deployment-secrets';
import { type Run, running } from '../run';

const TARGETS = {
  compose: { write: writeComposeSecrets, next: 'docker compose -f docker/compose.yaml up --build --wait' },
  k8s: { write: writeKubernetesSecrets, next: 'kubectl apply -k k8s/overlays/dev' }, // part:kubernetes
} as const;

export function addCredentialsNew(parent: Command): void {
  parent
    .command('new')
    .addArgument(new Argument('<target>', 'for which containers').choices(Object.keys(TARGETS)))
    .option('--force', 'replace secrets that exist')
    .action(running(writeSecrets));
}

async function writeSecrets(_run: Run, target: keyof typeof TARGETS, { force }: { readonly force?: true }) {
  const { write, next } = TARGETS[target];
  const path = await write(await makeSecrets(), { root: repository, force: force === true });
  process.stderr.write(`Fresh secrets in ${path}; next: ${next}\n`);
  return undefined;
}
