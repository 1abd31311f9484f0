import type { Command } from 'commander';
import type { ImagesOptions } from '@rookery/verify/images/images';
import { DONE, FAILED } from '../exit-codes';
import { type Run, running } from '../run';

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

async function images({ progress }: Run, options: ImagesOptions): Promise<number> {
  const { verifyImages } = await import('@rookery/verify/images/images');
  return (await verifyImages(options, progress)) ? DONE : FAILED;
}
