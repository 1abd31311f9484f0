import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import type { Command } from 'commander';
import { formatMoney, type OrderView, type ProductView, Timeline, TimelineEntry } from '@rookery/contracts';
import { requireSystem } from '@rookery/devkit/client/addresses';
import { ApiClient, UnexpectedAnswer } from '@rookery/devkit/client/api-client';
import { eventsIn, openLiveEvents } from '@rookery/devkit/client/live-events';
import { UserError } from '@rookery/devkit/terminal/user-error';
import { running } from '../run';

/** Longer than an order may stay Pending. */
const MAX_WAIT_MS = 90_000;
/** The event of a compensation may follow the end of its order. */
const MAX_COMPENSATION_MS = 15_000;
const POLL_MS = 200;
const LISTED_PRODUCTS = 5;
const MAX_QUANTITY = 10_000;

const bold = (text: string): string => styleText('bold', text);
const dim = (text: string): string => styleText('dim', text);
const print = (line = ''): void => void process.stdout.write(`${line}\n`);

export function addDemo(parent: Command): void {
  parent
    .command('demo')
    .addHelpText('after', '\nOne order succeeds, one has its payment declined, one asks for more than the stock.')
    .action(running(demo));
}

async function demo(): Promise<undefined> {
  const { gatewayUrl, authUrl } = requireSystem();
  try {
    const alice = await ApiClient.signIn({ gatewayUrl, authUrl }, 'alice');
    print(`${bold('alice signed in')} ${dim(`through ${authUrl}: authorization code + PKCE`)}`);
    await threeOrders(alice);
  } catch (error) {
    if (error instanceof UserError) {
      throw error;
    }
    if (error instanceof UnexpectedAnswer) {
      throw new UserError(error.message);
    }
    throw new UserError(`${gatewayUrl} does not answer as it should. Is \`npm start\` running?\n${String(error)}`);
  }
}

async function threeOrders(alice: ApiClient): Promise<void> {
  const product = await productInStock(alice);
  const buy = (quantity: number, paymentToken = 'tok_ok') => alice.buy(product.id, quantity, paymentToken);
  expectEnd(await placed('An order that goes well', alice, () => buy(2)), 'Confirmed', null);
  const declined = await placed('An order whose payment is declined', alice, () => buy(1, 'tok_declined'));
  expectEnd(declined, 'Canceled', 'payment-declined');
  const tooMany = Math.min(product.stock.available + 1, MAX_QUANTITY);
  const scarce = await placed('An order for more than the stock', alice, () => buy(tooMany));
  expectEnd(scarce, 'Canceled', 'out-of-stock');
  printEntry(await timelineEntry(alice, scarce.id, 'PaymentReleased'));

  const after = await alice.product(product.id);
  print(`\n${bold('Afterwards')}: ${after.stock.available} in stock; 2 sold, nothing else taken.`);
}

/** Prints the first products and returns one that can be bought twice. */
async function productInStock(alice: ApiClient): Promise<ProductView> {
  const { items } = await alice.products('?limit=100');
  print(`\n${bold(`The catalog: ${items.length} products`)}`);
  for (const { name, price, stock } of items.slice(0, LISTED_PRODUCTS)) {
    print(`    ${name.padEnd(34)} ${formatMoney(price).padStart(12)}   ${dim(`${stock.available} in stock`)}`);
  }
  if (items.length > LISTED_PRODUCTS) {
    print(dim('    …'));
  }
  const product = items.find(({ stock }) => stock.available >= 2);
  if (product !== undefined) {
    return product;
  }
  throw new UserError(
    'No product has two units in stock.',
    '`npx rookery seed` fills an empty catalog; `npm run reset` and `npm start` begin anew.',
  );
}

/** Places an order and prints its events until its end. */
async function placed(title: string, alice: ApiClient, buy: () => Promise<OrderView>): Promise<OrderView> {
  print(`\n${bold(title)}`);
  const { id, lines, total, status } = await buy();
  const bought = lines.map(({ quantity, name }) => `${quantity} × ${name}`).join(', ');
  print(`  ${bought}, ${formatMoney(total)}: ${status}  ${dim(id)}`);
  for await (const entry of liveEntries(alice, id)) {
    printEntry(entry);
  }
  const ended = await alice.ended(id, MAX_WAIT_MS);
  print(`  → ${bold(ended.status)}${ended.reason === null ? '' : ` (${ended.reason})`}`);
  return ended;
}

function printEntry({ at, event, service }: TimelineEntry): void {
  print(`    ${dim(at.slice(11, 23))}  ${event.padEnd(16)} ${dim(service)}`);
}

function expectEnd(order: OrderView, status: OrderView['status'], reason: OrderView['reason']): void {
  if (order.status === status && order.reason === reason) {
    return;
  }
  throw new UserError(`order ${order.id} ended ${order.status} (${order.reason}), not ${status} (${reason})`);
}

/** @throws {UserError} when the gateway has no live events of the order */
async function* liveEntries({ gateway, token }: ApiClient, id: string): AsyncGenerator<TimelineEntry> {
  const response = await openLiveEvents(gateway, token, id, { signal: AbortSignal.timeout(MAX_WAIT_MS) });
  if (!response.ok) {
    throw new UserError(`The live events of order ${id} were answered ${response.status}.`);
  }
  for await (const { data } of eventsIn(response)) {
    const entry = TimelineEntry.safeParse(JSON.parse(data));
    if (entry.success) {
      yield entry.data;
    }
  }
}

/** @throws {UserError} when the event does not come in time */
async function timelineEntry(alice: ApiClient, id: string, event: string): Promise<TimelineEntry> {
  const deadline = Date.now() + MAX_COMPENSATION_MS;
  for (;;) {
    const { items } = await alice.get(Timeline, `/v1/orders/${id}/timeline`);
    const found = items.find((item) => item.event === event);
    if (found !== undefined) {
      return found;
    }
    if (Date.now() > deadline) {
      throw new UserError(`${event} of order ${id} did not come in time`);
    }
    await sleep(POLL_MS);
  }
}
