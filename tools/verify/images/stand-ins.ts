import { cpSync, mkdtempDisposableSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { postgresBinaries } from '@rookery/devkit/stack/embedded-postgres';
import { findNatsServer } from '@rookery/devkit/stack/nats-binary';
import { repository } from '@rookery/devkit/stack/repository';
import type { Engine } from './engine';

const sources = join(repository, 'tools/verify/images/stand-ins');

/** Images of the servers of `npm start`, in place of the official ones where no registry can be reached. */
export const standIns = {
  postgres: 'localhost/rookery/postgres-stand-in:18',
  nats: 'localhost/rookery/nats-stand-in:2',
} as const;

/** The base image that the Dockerfile names. */
export function dockerfileBase(): string {
  const image = /^ARG NODE_IMAGE=(\S+)$/mu.exec(readFileSync(join(repository, 'docker/Dockerfile'), 'utf8'))?.[1];
  if (image === undefined) {
    throw new Error('docker/Dockerfile names no NODE_IMAGE');
  }
  return image;
}

/** Builds both on a Debian image that is here; what did not change comes from the engine's cache. */
export async function buildStandIns(engine: Engine, base: string): Promise<void> {
  using temporary = mkdtempDisposableSync(join(tmpdir(), 'rookery-stand-ins-'));
  const context = temporary.path;
  const build = async (name: keyof typeof standIns): Promise<void> => {
    const file = join(sources, `Dockerfile.${name}`);
    const options = ['--network', 'host', '--build-arg', `BASE=${base}`, '--file', file, '--tag', standIns[name]];
    await engine.run(
      'build',
      ...(engine.name === 'podman' ? ['--pull=never', '--format', 'docker'] : []),
      ...options,
      context,
    );
  };
  cpSync(dirname(dirname(postgresBinaries().postgres)), join(context, 'native'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  cpSync(join(sources, 'postgres-entrypoint.sh'), join(context, 'postgres-entrypoint.sh'));
  const nats = await findNatsServer();
  cpSync(nats, join(context, 'nats-server'), { dereference: true });
  await build('postgres');
  await build('nats');
}
