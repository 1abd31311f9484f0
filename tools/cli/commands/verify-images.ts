import type { Command } from 'commander';
import { DONE, FAILED } from '../exit-codes';
import { type Run, running } from '../run';

interface Arguments {
  readonly standIns?: true;
  readonly nodeImage?: string;
  readonly tag: string;
  readonly build: boolean;
  readonly quick?: true;
}

export function addVerifyImages(parent: Command): void {
  parent
    .command('images')
    .option('--stand-ins', 'Postgres and NATS of `npm start` in place of the official images')
    .option('--node-image <image>', 'another base than the Dockerfile’s, as name@sha256:… or a stand-in')
    .option('--tag <tag>', 'tag of the images', 'dev')
    .option('--no-build', 'take the images with that tag as they are')
    .option('--quick', 'leave out the second build, which shows that layers are reproducible')
    .action(running(images));
}

async function images({ progress }: Run, { standIns, nodeImage, tag, build, quick }: Arguments): Promise<number> {
  const { verifyImages } = await import('@rookery/verify/images/images');
  const options = { standIns: standIns === true, nodeImage, tag, build, quick: quick === true };
  return (await verifyImages(options, progress)) ? DONE : FAILED;
}
