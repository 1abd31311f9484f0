import { type Command, InvalidArgumentError } from 'commander';
import { type Difference, Reconciliation, sinceOf } from '@rookery/contracts';
import type { Gateway } from '../gateway';
import { OperatorError } from '../operator-error';
import { print, printJson, report, type Terminal } from '../terminal';
import { type CommandContext, gatewayOf, JSON_OPTION, type JsonOption } from './context';

/** Exit code when something differs; 2 when the comparison did not complete. */
const DIFFERS = 1;
const INCOMPLETE = 2;

interface Options extends JsonOption {
  readonly since: Date;
}

/** Adds `reconcile`. */
export function addReconcile(parent: Command, context: CommandContext): void {
  parent
    .command('reconcile')
    .description('compare orders, payments, stock and the provider’s ledger')
    .option('--since <time>', 'compare orders placed since then: 30m, 1h, 2d or an RFC 3339 time', timeOf)
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nOrders of the last 24 hours are compared by default; the stock always as a whole.\n' +
        'Exit code: 0 when all agree, 1 when something differs, 2 when the comparison did not complete.',
    )
    .action(async (options: Partial<Options>) => {
      const { json, since = sinceOf('24h', new Date()) } = options;
      try {
        await reconcile(await gatewayOf(context), { since, json: json === true }, context.terminal);
      } catch (error) {
        if (error instanceof OperatorError) {
          throw new OperatorError(error.message, INCOMPLETE, { cause: error });
        }
        throw error;
      }
    });
}

function timeOf(text: string): Date {
  try {
    return sinceOf(text, new Date());
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

/** All parts as one. */
type Whole = Omit<Reconciliation, 'next'>;

/** The comparison, part by part; differences are printed as they are found. */
async function reconcile(gateway: Gateway, { since, json }: Options, terminal: Terminal): Promise<void> {
  let part = await next(gateway, { since: since.toISOString() });
  let whole: Whole = wholeOf(part);
  if (!json) {
    list(terminal, part);
  }
  while (part.next !== null) {
    report(terminal, `  … ${whole.orders} orders placed until ${whole.to}, ${whole.total} differences`);
    part = await next(gateway, { after: part.next });
    if (!json) {
      list(terminal, part);
    }
    whole = joined(whole, part);
  }
  if (json) {
    printJson(terminal, whole);
  } else {
    summarize(terminal, whole);
  }
  if (whole.total > 0) {
    terminal.exitCode = DIFFERS;
  }
}

const next = (gateway: Gateway, body: object): Promise<Reconciliation> =>
  gateway.post(Reconciliation, '/v1/ops/reconciliations', body);

const wholeOf = ({ from, to, orders, inFlight, products, differences, total }: Reconciliation): Whole => ({
  from,
  to,
  orders,
  inFlight,
  products,
  differences,
  total,
});

const joined = (whole: Whole, further: Reconciliation): Whole => ({
  from: whole.from,
  to: further.to,
  orders: whole.orders + further.orders,
  inFlight: whole.inFlight + further.inFlight,
  // The first part has checked all of them.
  products: whole.products,
  differences: [...whole.differences, ...further.differences],
  total: whole.total + further.total,
});

function list(terminal: Terminal, { differences }: Reconciliation): void {
  differences.forEach((difference) => print(terminal, lineOf(difference)));
}

function lineOf({ kind, orderId, paymentId, productId, says }: Difference): string {
  const about = Object.entries({ order: orderId, payment: paymentId, product: productId }).flatMap(([what, id]) =>
    id === null ? [] : [`${what} ${id}`],
  );
  const sides = Object.entries(says).map(([side, what]) => `${side}: ${what}`);
  return [kind.padEnd(24), ...about, sides.join(' | ')].join('  ');
}

function summarize(terminal: Terminal, { from, to, orders, inFlight, products, differences, total }: Whole): void {
  print(
    terminal,
    `Compared ${orders} orders placed from ${from} to ${to} with their payments, the provider’s ledger and their reservations;`,
  );
  print(
    terminal,
    `the stock of ${products} products with its adjustments and reservations. ${inFlight} orders in flight were left out.`,
  );
  if (orders === 0) {
    print(terminal, `No order was compared. Orders placed after ${to} are too young: they may still be on their way.`);
  }
  const listed = differences.length === total ? '' : `, of which ${differences.length} are listed`;
  print(terminal, total === 0 ? 'All agree.' : `Differences: ${total}${listed}.`);
}
