import { parseArgs } from 'node:util';
import { Reconciliation, type Difference } from '@rookery/contracts';
import { helpWhenAsked } from '@rookery/devkit/terminal/help';
import { ask, CommandFailed, operatorToken, print, program } from './operator';
import { sinceOf } from './since';

/**
 * `npm run reconcile -- --since 24h`: compares orders, payments, stock and the provider's ledger of the running system, part by part.
 * Ends with 0 when all agree, 1 when something differs, 2 when the comparison could not be made to its end.
 */
const usage = `Usage: npm run reconcile -- [--since <30m|1h|2d|RFC 3339 time>]
Orders placed since then are compared, those of the last 24 hours unless told; the stock always as a whole. ROOKERY_TOKEN is the access
token to use (scope ops:read); without it the demo operator of \`npm start\` is signed in.`;

const exitCodes = { agreed: 0, differs: 1, notMade: 2 } as const;

const say = (line: string): void => void process.stderr.write(`${line}\n`);

function readSince(): Date {
  helpWhenAsked(usage);
  try {
    const { values } = parseArgs({ options: { since: { type: 'string', default: '24h' } } });
    return sinceOf(values.since, new Date());
  } catch (error) {
    throw new CommandFailed(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  }
}

async function part(body: object): Promise<Reconciliation> {
  return Reconciliation.parse(await ask(await operatorToken(), 'POST', '/v1/ops/reconciliations', body));
}

/** All parts as one. */
interface Whole extends Omit<Reconciliation, 'differences'> {
  /** How many differences were printed. */
  readonly listed: number;
}

/** What differs is printed as it is found. */
async function reconcile(since: Date): Promise<Whole> {
  const first = await part({ since: since.toISOString() });
  let whole: Whole = { ...first, listed: list(first) };
  while (whole.next !== null) {
    say(`  … ${whole.orders} orders placed until ${whole.to}, ${whole.total} differences`);
    const further = await part({ after: whole.next });
    whole = {
      ...further,
      listed: whole.listed + list(further),
      from: whole.from,
      orders: whole.orders + further.orders,
      inFlight: whole.inFlight + further.inFlight,
      products: whole.products,
      total: whole.total + further.total,
    };
  }
  return whole;
}

function list({ differences }: Reconciliation): number {
  differences.forEach((difference) => print(lineOf(difference)));
  return differences.length;
}

function lineOf({ kind, orderId, paymentId, productId, says }: Difference): string {
  const about = Object.entries({ order: orderId, payment: paymentId, product: productId }).flatMap(([what, id]) =>
    id === null ? [] : [`${what} ${id}`],
  );
  const sides = Object.entries(says).map(([side, what]) => `${side}: ${what}`);
  return [kind.padEnd(24), ...about, sides.join(' | ')].join('  ');
}

/** The exit code. */
async function run(): Promise<number> {
  const { from, to, orders, inFlight, products, total, listed } = await reconcile(readSince());
  print(
    `Compared ${orders} orders placed from ${from} to ${to} with their payments, the provider’s ledger and their reservations;`,
  );
  print(
    `the stock of ${products} products with its adjustments and reservations. ${inFlight} orders in flight were left out.`,
  );
  const among = listed === total ? '' : `, of which ${listed} are listed`;
  print(total === 0 ? 'All agree.' : `Differences: ${total}${among}.`);
  return total === 0 ? exitCodes.agreed : exitCodes.differs;
}

await program(
  'reconcile',
  async () => {
    process.exitCode = await run();
  },
  exitCodes.notMade,
);
