import type { Command } from 'commander';
import type { ClusterOptions } from '@rookery/verify/cluster/deployment';
import { DONE, FAILED } from '../exit-codes';
import { wholeNumber } from '../options';
import { type Run, running } from '../run';

export function addVerifyCluster(parent: Command): void {
  parent
    .command('cluster')
    .option('--kubeconfig <file>', 'the cluster; else KUBECONFIG, else the default of kubectl')
    .option('--images <repository>', 'where the images of the five apps are', 'ghcr.io/rookery')
    .option('--tag <tag>', 'their tag', 'dev')
    .option('--next-tag <tag>', 'version of the rolling update; the same images in new pods by default')
    .option('--rate <number>', 'requests per second during the rolling update', wholeNumber(1, 1_000), 20)
    .option('--load <command>', 'brings images to the nodes: run with their names, e.g. "kind load docker-image"')
    .option('--stand-ins', 'Postgres and NATS of `npm start` in place of the official images')
    .option('--base <image>', 'image that the stand-ins are built on; the Dockerfile’s by default')
    .option('--keep', 'leave everything on the cluster')
    .addHelpText('after', '\nThe namespace rookery-dev of the cluster must be free. The report goes to .data/k8s.')
    .action(running(cluster));
}

async function cluster(run: Run, options: ClusterOptions): Promise<number> {
  const { verifyCluster } = await import('@rookery/verify/cluster/verify-cluster');
  return (await verifyCluster(options, run)) ? DONE : FAILED;
}
