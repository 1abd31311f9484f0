import { parseArgs } from 'node:util';
import { helpWhenAsked } from '@rookery/devkit/terminal/help';
import { printFailure } from '@rookery/devkit/terminal/progress';
import { repository } from '@rookery/devkit/stack/repository';
import { makeSecrets } from '@rookery/devkit/stack/secrets';
import { StackError } from '@rookery/devkit/terminal/stack-error';
import { writeComposeSecrets, writeKubernetesSecrets } from '@rookery/release/deployment-secrets';

// `npm run secrets -- compose|k8s`: fresh secrets for a stack of containers on this machine or on a development cluster.

const usage = 'Usage: npm run secrets -- compose|k8s [--force]';

const writers = new Map([
  ['compose', writeComposeSecrets],
  ['k8s', writeKubernetesSecrets],
]);

function read() {
  helpWhenAsked(usage);
  try {
    return parseArgs({ allowPositionals: true, options: { force: { type: 'boolean', default: false } } });
  } catch (error) {
    throw new StackError(error instanceof Error ? error.message : String(error), usage);
  }
}

try {
  const { positionals, values } = read();
  const [target = ''] = positionals;
  const write = writers.get(target);
  if (write === undefined || positionals.length > 1) throw new StackError(usage);
  const path = await write(await makeSecrets(), { root: repository, force: values.force });
  process.stderr.write(`Fresh secrets in ${path}; ${writtenFor(target)}\n`);
} catch (error) {
  printFailure(error);
  process.exit(1);
}

function writtenFor(target: string): string {
  return target === 'compose'
    ? 'next: docker compose -f docker/compose.yaml up --build --wait'
    : 'next: kubectl apply -k k8s/overlays/dev';
}
