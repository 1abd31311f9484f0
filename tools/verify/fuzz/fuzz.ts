import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildApps } from '@rookery/devkit/stack/build';
import { startTestStack } from '@rookery/devkit/stack/e2e-stack';
import { repository } from '@rookery/devkit/stack/repository';
import { startTestInfrastructure } from '@rookery/devkit/stack/test-infrastructure';
import type { Progress } from '@rookery/devkit/terminal/progress';
import { FuzzedDocument } from './document';
import { FUZZ_ORDER_DEADLINE_SECONDS, FuzzedStack } from './fuzzed-stack';
import { fuzzIssuer } from './issuer';
import { describe, runFuzz } from './run';
import { WireClient } from './send';

/** One request to the issuer for so many to the gateway. */
const ISSUER_SHARE = 5;

export interface FuzzOptions {
  readonly seed: number;
  readonly cases: number;
  /** First case. */
  readonly from: number;
}

/** Sends hostile requests to an isolated stack, by its OpenAPI document. Result: whether every answer was as promised. */
export async function fuzzStack(options: FuzzOptions, progress: Progress): Promise<boolean> {
  const document = FuzzedDocument.parse(JSON.parse(readFileSync(join(repository, 'docs/api/openapi.json'), 'utf8')));
  await progress.step('build', () => buildApps());
  const infrastructure = await progress.step('Postgres and a broker', startTestInfrastructure);
  Object.assign(process.env, infrastructure.env);
  try {
    const stack = await progress.step('a stack of its own', () =>
      startTestStack({ account: 'E8', orderDeadlineSeconds: FUZZ_ORDER_DEADLINE_SECONDS }),
    );
    try {
      const clean = await fuzz(options, document, await FuzzedStack.open(stack), progress);
      const issuer = new WireClient(stack.authUrl);
      const cases = Math.ceil(options.cases / ISSUER_SHARE);
      await progress.step(`the issuer, ${cases} requests`, () => fuzzIssuer(issuer, options.seed, cases));
      issuer.close();
      return clean;
    } finally {
      await stack.stop();
    }
  } finally {
    await infrastructure.stop();
  }
}

async function fuzz(
  options: FuzzOptions,
  document: FuzzedDocument,
  shop: FuzzedStack,
  progress: Progress,
): Promise<boolean> {
  try {
    progress.say(`seed ${options.seed}, ${options.cases} cases`);
    const report = await runFuzz({ ...options, document, target: shop, secrets: shop.secrets, say: progress.say });
    const statuses = Object.entries(report.byStatus).map(([status, count]) => `${status}: ${count}`);
    progress.say(`answers: ${statuses.join(', ')}`);
    progress.say(
      `state compared after ${report.statesCompared} refused or reading requests, not told for ${report.statesUnknown}`,
    );
    if (report.neverSucceeded.length > 0) {
      progress.say(`never reached a good answer: ${report.neverSucceeded.join(', ')}`);
    }
    for (const finding of report.findings) {
      process.stdout.write(`${describe(finding, report.seed)}\n`);
    }
    process.stdout.write(
      `seed ${report.seed}: ${report.cases} cases, ${report.requests} requests, ${report.findings.length} findings in ${progress.elapsed}\n`,
    );
    return report.findings.length === 0;
  } finally {
    await shop.close();
  }
}
