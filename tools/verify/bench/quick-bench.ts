import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '@rookery/devkit/stack/repository';
import type { Progress } from '@rookery/devkit/terminal/progress';
import { UserError } from '@rookery/devkit/terminal/user-error';
import { publishReport } from '../results/store-report';
import { EXPRESS, NEST } from './peer-systems';
import { measurePeers, type PeersBenchOptions } from './peers-bench';
import { peersReport } from './peers-report';
import { complaintsAbout, ratiosOf, RecordedRatios } from './quick-judgement';

const RECORD = 'tools/verify/bench/recorded-ratios.json';

/** Short enough for every pull request. */
const QUICK: PeersBenchOptions = {
  rounds: 3,
  orderSeconds: 2,
  readSeconds: 1,
  warmUpSeconds: 3,
  inFlight: 32,
  connections: 32,
  peers: [EXPRESS, NEST],
  floor: false,
};

/**
 * Measures beside two peers and compares the ratios with the recorded ones; with `record`, records them instead.
 * @throws {UserError} when a ratio is less than half as good as the recorded one
 */
export async function quickBench(progress: Progress, { record }: { readonly record: boolean }): Promise<void> {
  const result = await measurePeers(progress, QUICK);
  const ratios = ratiosOf(result);
  const markdown = peersReport({ ...result, command: 'npm run bench -- --quick' });
  await publishReport({ kind: 'bench', name: 'quick', json: { ...result, ratios }, markdown }, { progress });
  const file = join(repository, RECORD);
  if (record) {
    const { at, machine } = result;
    const recorded: RecordedRatios = {
      at,
      machine,
      command: 'npm run bench -- --quick --record',
      ratios: rounded(ratios),
    };
    writeFileSync(file, `${JSON.stringify(recorded, null, 2)}\n`);
    progress.say(`recorded: ${RECORD}`);
    return;
  }
  const complaints = complaintsAbout(ratios, RecordedRatios.parse(JSON.parse(readFileSync(file, 'utf8'))));
  if (complaints.length > 0) {
    throw new UserError(
      ['Ratios are less than half as good as recorded:', ...complaints].join('\n  '),
      'Find the change that costs it. If it is meant to: npm run bench -- --quick --record, and say why in the commit.',
    );
  }
}

const rounded = (ratios: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(ratios).map(([name, ratio]) => [name, Number(ratio.toFixed(3))]));
