import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildApps } from '@rookery/devkit/stack/build';
import { startTestStack } from '@rookery/devkit/stack/e2e-stack';
import { Progress } from '@rookery/devkit/terminal/progress';
import { runToEnd } from '@rookery/devkit/terminal/program';
import { repository } from '@rookery/devkit/stack/repository';
import { startTestInfrastructure } from '@rookery/devkit/stack/test-infrastructure';
import { FuzzedDocument } from './document';
import { readCommandLine } from './options';
import { fuzzIssuer } from './issuer';
import { describe, runFuzz } from './run';
import { WireClient } from './send';
import { FUZZ_ORDER_DEADLINE_SECONDS, FuzzedStack } from './fuzzed-stack';

/** One request to the issuer for so many to the gateway. */
const ISSUER_SHARE = 5;

/** `npm run fuzz`: sends what nobody should to a stack of its own, by its OpenAPI document. Exit code 1 when an answer is wrong. */
async function main(): Promise<number> {
  const options = readCommandLine(process.argv.slice(2));
  const progress = new Progress();
  const document = FuzzedDocument.parse(JSON.parse(readFileSync(join(repository, 'docs/api/openapi.json'), 'utf8')));
  await progress.step('build', () => buildApps());
  const infrastructure = await progress.step('Postgres and a broker', startTestInfrastructure);
  Object.assign(process.env, infrastructure.env);
  try {
    const stack = await progress.step('a stack of its own', () =>
      startTestStack({ account: 'E8', orderDeadlineSeconds: FUZZ_ORDER_DEADLINE_SECONDS }),
    );
    try {
      const code = await fuzz(options, document, await FuzzedStack.open(stack), progress);
      const issuer = new WireClient(stack.authUrl);
      const cases = Math.ceil(options.cases / ISSUER_SHARE);
      await progress.step(`the issuer, ${cases} requests`, () => fuzzIssuer(issuer, options.seed, cases));
      issuer.close();
      return code;
    } finally {
      await stack.stop();
    }
  } finally {
    await infrastructure.stop();
  }
}

async function fuzz(
  options: ReturnType<typeof readCommandLine>,
  document: FuzzedDocument,
  shop: FuzzedStack,
  progress: Progress,
): Promise<number> {
  try {
    progress.say(`seed ${options.seed}, ${options.cases} cases`);
    const report = await runFuzz({ ...options, document, target: shop, secrets: shop.secrets, say: progress.say });
    const statuses = Object.entries(report.byStatus).map(([status, count]) => `${status}: ${count}`);
    progress.say(`answers: ${statuses.join(', ')}`);
    progress.say(
      `state compared after ${report.statesCompared} refused or reading requests, not told for ${report.statesUnknown}`,
    );
    if (report.neverSucceeded.length > 0)
      progress.say(`never reached a good answer: ${report.neverSucceeded.join(', ')}`);
    for (const finding of report.findings) process.stdout.write(`${describe(finding, report.seed)}\n`);
    process.stdout.write(
      `seed ${report.seed}: ${report.cases} cases, ${report.requests} requests, ${report.findings.length} findings in ${progress.elapsed}\n`,
    );
    return report.findings.length === 0 ? 0 : 1;
  } finally {
    await shop.close();
  }
}

await runToEnd(main);
