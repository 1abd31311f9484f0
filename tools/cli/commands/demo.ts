import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import {
  formatMoney,
  OrderView,
  Problem,
  ProductPage,
  ProductView,
  Timeline,
  TimelineEntry,
  type PlaceOrder,
} from '@rookery/contracts';
import type { Command } from 'commander';
import type { z } from 'zod';
import { requireSystem } from '@rookery/devkit/client/addresses';
import { demoPassword, signIn } from '@rookery/devkit/client/sign-in';
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
    const tokens = await signIn({ issuer: authUrl, login: 'alice', password: demoPassword('alice') });
    print(`${bold('alice signed in')} ${dim(`through ${authUrl}: authorization code + PKCE`)}`);
    await threeOrders(new Shop(gatewayUrl, tokens.access_token));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${gatewayUrl} does not answer as it should. Is \`npm start\` running?\n${String(error)}`);
  }
}

async function threeOrders(shop: Shop): Promise<void> {
  const product = await productInStock(shop);
  const buy = (quantity: number, paymentToken = 'tok_ok') => ({
    lines: [{ productId: product.id, quantity }],
    paymentToken,
  });
  expectEnd(await placed('An order that goes well', shop, buy(2)), 'Confirmed', null);
  const declined = await placed('An order whose payment is declined', shop, buy(1, 'tok_declined'));
  expectEnd(declined, 'Canceled', 'payment-declined');
  const tooMany = Math.min(product.stock.available + 1, MAX_QUANTITY);
  const scarce = await placed('An order for more than the stock', shop, buy(tooMany));
  expectEnd(scarce, 'Canceled', 'out-of-stock');
  printEntry(await shop.timelineEntry(scarce.id, 'PaymentReleased'));

  const after = await shop.call(ProductView, `/v1/products/${product.id}`);
  print(`\n${bold('Afterwards')}: ${after.stock.available} in stock; 2 sold, nothing else taken.`);
}

/** Prints the first products and returns one that can be bought twice. */
async function productInStock(shop: Shop): Promise<ProductView> {
  const { items } = await shop.call(ProductPage, '/v1/products?limit=100');
  print(`\n${bold(`The catalogue: ${items.length} products`)}`);
  for (const { name, price, stock } of items.slice(0, LISTED_PRODUCTS)) {
    print(`    ${name.padEnd(34)} ${formatMoney(price).padStart(12)}   ${dim(`${stock.available} in stock`)}`);
  }
  if (items.length > LISTED_PRODUCTS) print(dim('    …'));
  const product = items.find(({ stock }) => stock.available >= 2);
  if (product !== undefined) return product;
  throw new UserError(
    'No product has two units in stock.',
    '`npx rookery seed` fills an empty catalogue; `npm run reset` and `npm start` begin anew.',
  );
}

/** Places an order and prints its events until its end. */
async function placed(title: string, shop: Shop, order: z.input<typeof PlaceOrder>): Promise<OrderView> {
  print(`\n${bold(title)}`);
  const { id, lines, total, status } = await shop.place(order);
  const bought = lines.map(({ quantity, name }) => `${quantity} × ${name}`).join(', ');
  print(`  ${bought}, ${formatMoney(total)}: ${status}  ${dim(id)}`);
  for await (const entry of shop.liveEvents(id)) printEntry(entry);
  const ended = await shop.ended(id);
  print(`  → ${bold(ended.status)}${ended.reason === null ? '' : ` (${ended.reason})`}`);
  return ended;
}

function printEntry({ at, event, service }: TimelineEntry): void {
  print(`    ${dim(at.slice(11, 23))}  ${event.padEnd(16)} ${dim(service)}`);
}

function expectEnd(order: OrderView, status: OrderView['status'], reason: OrderView['reason']): void {
  if (order.status === status && order.reason === reason) return;
  throw new UserError(`order ${order.id} ended ${order.status} (${order.reason}), not ${status} (${reason})`);
}

/** The gateway, as alice sees it. */
class Shop {
  private readonly authorization: Readonly<Record<'authorization', string>>;

  constructor(
    private readonly gatewayUrl: string,
    token: string,
  ) {
    this.authorization = { authorization: `Bearer ${token}` };
  }

  /** @throws {UserError} when the answer is a problem */
  async call<Schema extends z.ZodType>(
    schema: Schema,
    path: string,
    init: RequestInit = {},
  ): Promise<z.output<Schema>> {
    const headers = { ...this.authorization, ...Object.fromEntries(new Headers(init.headers)) };
    const response = await fetch(new URL(path, this.gatewayUrl), {
      signal: AbortSignal.timeout(10_000),
      ...init,
      headers,
    });
    const body: unknown = await response.json();
    if (response.ok) return schema.parse(body);
    const problem = Problem.safeParse(body);
    const reason = problem.success ? ` ${problem.data.code}: ${problem.data.detail}` : '';
    throw new UserError(`${path} answered ${response.status}${reason}`);
  }

  place(order: z.input<typeof PlaceOrder>): Promise<OrderView> {
    return this.call(OrderView, '/v1/orders', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
      body: JSON.stringify(order),
    });
  }

  /** The live events of an order (SSE), which end with the order. */
  async *liveEvents(id: string): AsyncGenerator<TimelineEntry> {
    const response = await fetch(new URL(`/v1/orders/${id}/events`, this.gatewayUrl), {
      headers: { ...this.authorization, accept: 'text/event-stream' },
      signal: AbortSignal.timeout(MAX_WAIT_MS),
    });
    if (!response.ok || response.body === null) throw new UserError(`the live events answered ${response.status}`);
    const decoder = new TextDecoder();
    const chunks: AsyncIterable<Uint8Array> = response.body;
    let buffer = '';
    for await (const chunk of chunks) {
      buffer += decoder.decode(chunk, { stream: true });
      const messages = buffer.split('\n\n');
      buffer = messages.pop() ?? '';
      yield* messages.flatMap(entriesIn);
    }
  }

  async ended(id: string): Promise<OrderView> {
    return until(MAX_WAIT_MS, `the end of order ${id}`, async () => {
      const order = await this.call(OrderView, `/v1/orders/${id}`);
      return order.status === 'Pending' ? undefined : order;
    });
  }

  timelineEntry(id: string, event: string): Promise<TimelineEntry> {
    return until(MAX_COMPENSATION_MS, `${event} of order ${id}`, async () => {
      const { items } = await this.call(Timeline, `/v1/orders/${id}/timeline`);
      return items.find((item) => item.event === event);
    });
  }
}

/** The timeline entry in one message of the event stream; none in a heartbeat. */
function entriesIn(message: string): readonly TimelineEntry[] {
  const data = message
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice('data:'.length).trim())
    .join('\n');
  const entry = data === '' ? undefined : TimelineEntry.safeParse(JSON.parse(data));
  return entry?.success === true ? [entry.data] : [];
}

/** @throws {UserError} when nothing is found within the time */
async function until<T>(withinMs: number, what: string, find: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await find();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new UserError(`${what} did not come within ${withinMs / 1_000} s`);
    await sleep(POLL_MS);
  }
}
