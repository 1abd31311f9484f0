import type { RestoreResult } from './restore-test';

/** More of one kind tell nothing new. */
const MOST = 40;

const some = (lines: readonly string[]): readonly string[] => [
  ...lines.slice(0, MOST).map((line) => `- ${line}`),
  ...(lines.length > MOST ? [`- … and ${lines.length - MOST} more`] : []),
];

const counts = (of: Readonly<Record<string, number>>): string =>
  Object.entries(of)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');

/** The result of a restore test for people, in Markdown. */
export function markdownOf(result: RestoreResult): string {
  const {
    service,
    loseWal,
    backupAge,
    rpo,
    rto,
    steps,
    recovered,
    promised,
    lost,
    untold,
    forgottenKeys,
    lostAccounts,
  } = result;
  const { differences, compared, undeliverable, broken, drainedAfter, orders, answers, folder } = result;
  return [
    `# Restore test: the database of ${service}${loseWal ? ', only the backup is left' : ''}`,
    '',
    `Lost ${backupAge.toFixed(1)} s after the backup. **RPO ${rpo.toFixed(1)} s** of the database, **RTO ${rto.toFixed(1)} s** until the service is ready; at rest ${drainedAfter?.toFixed(1) ?? 'never'} s after the load.`,
    '',
    '| step | s |',
    '| --- | ---: |',
    ...steps.map(([what, seconds]) => `| ${what} | ${seconds.toFixed(1)} |`),
    '',
    ...recovered.map((line) => `- ${line}`),
    `- orders: ${counts(orders)}`,
    `- answers: ${counts(answers)}`,
    `- of ${promised} orders answered 201, ${lost.length} are lost${lost.length === 0 ? '' : ':'}`,
    ...some(lost.map(({ id, others }) => `order ${id}: ${others}`)).map((line) => `  ${line}`),
    `- ${untold} orders of which no customer was told; ${forgottenKeys} whose idempotency key is forgotten`,
    `- accounts lost: ${lostAccounts.join(', ') || 'none'}`,
    `- reconcile compared ${compared} orders and found ${differences.length} differences`,
    ...some(
      differences.map(
        ({ kind, orderId, productId, says }) =>
          `${kind} ${orderId ?? productId ?? ''}: ${Object.entries(says)
            .map(([side, what]) => `${side} ${what}`)
            .join(' | ')}`,
      ),
    ).map((line) => `  ${line}`),
    ...(undeliverable.length === 0
      ? []
      : [
          `- ${undeliverable.length} Confirmed orders cannot be delivered from stock, which went to others the second time: ${undeliverable.join(', ')}`,
        ]),
    '',
    ...(broken.length === 0 ? ['No promise was broken.'] : ['**Broken:**', '', ...some(broken)]),
    ...(folder === undefined ? [] : ['', `Databases and logs: ${folder}`]),
    '',
  ].join('\n');
}
