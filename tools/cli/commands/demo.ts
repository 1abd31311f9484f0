import { randomUUID } from 'node:crypto';
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
import type { z } from 'zod';
import { takesNoArguments } from '@rookery/devkit/terminal/help';
import { StackError } from '@rookery/devkit/terminal/stack-error';
import { authUrl, gatewayUrl, requireSystem } from '@rookery/devkit/client/addresses';
import { demoPassword, signIn, SignInFailed } from '@rookery/devkit/client/sign-in';

/** The longest an order may stay Pending, and some. */
const MOST_WAIT_MS = 90_000;

class DemoFailed extends Error {}

const bold = (text: string): string => styleText('bold', text);
const dim = (text: string): string => styleText('dim', text);
const print = (line = ''): void => void process.stdout.write(`${line}\n`);

async function call<Schema extends z.ZodType>(
  schema: Schema,
  path: string,
  init: RequestInit = {},
): Promise<z.output<Schema>> {
  const response = await fetch(new URL(path, gatewayUrl), { signal: AbortSignal.timeout(10_000), ...init });
  const body: unknown = await response.json();
  if (response.ok) return schema.parse(body);
  const problem = Problem.safeParse(body);
  throw new DemoFailed(
    `${path} answered ${response.status}${problem.success ? ` ${problem.data.code}: ${problem.data.detail}` : ''}`,
  );
}

/** Prints an order's live events (SSE) until its end. */
async function follow(id: string, token: string): Promise<void> {
  const response = await fetch(new URL(`/v1/orders/${id}/events`, gatewayUrl), {
    headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' },
    signal: AbortSignal.timeout(MOST_WAIT_MS),
  });
  if (!response.ok || response.body === null) throw new DemoFailed(`the live events answered ${response.status}`);
  let buffer = '';
  const decoder = new TextDecoder();
  const chunks: AsyncIterable<Uint8Array> = response.body;
  for await (const chunk of chunks) {
    buffer += decoder.decode(chunk, { stream: true });
    const messages = buffer.split('\n\n');
    buffer = messages.pop() ?? '';
    for (const message of messages) {
      const data = message
        .split('\n')
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).trim())
        .join('\n');
      const entry = data === '' ? undefined : TimelineEntry.safeParse(JSON.parse(data));
      if (entry?.success === true)
        print(`    ${dim(entry.data.at.slice(11, 23))}  ${entry.data.event.padEnd(16)} ${dim(entry.data.service)}`);
    }
  }
}

async function ended(id: string, headers: Record<string, string>): Promise<OrderView> {
  const deadline = Date.now() + MOST_WAIT_MS;
  for (;;) {
    const order = await call(OrderView, `/v1/orders/${id}`, { headers });
    if (order.status !== 'Pending') return order;
    if (Date.now() > deadline) throw new DemoFailed(`order ${id} is still Pending`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function place(title: string, token: string, order: z.input<typeof PlaceOrder>): Promise<OrderView> {
  const authorization = { authorization: `Bearer ${token}` };
  print(`\n${bold(title)}`);
  const placed = await call(OrderView, '/v1/orders', {
    method: 'POST',
    headers: { ...authorization, 'content-type': 'application/json', 'idempotency-key': randomUUID() },
    body: JSON.stringify(order),
  });
  const lines = placed.lines.map((line) => `${line.quantity} × ${line.name}`).join(', ');
  print(`  ${lines}, ${formatMoney(placed.total)}: ${placed.status}  ${dim(placed.id)}`);
  await follow(placed.id, token);
  const order_ = await ended(placed.id, authorization);
  print(`  → ${bold(order_.status)}${order_.reason === null ? '' : ` (${order_.reason})`}`);
  return order_;
}

/** Waits for the compensation's row of the timeline: it may come after the order's end. */
async function compensated(id: string, event: string, token: string): Promise<void> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const { items } = await call(Timeline, `/v1/orders/${id}/timeline`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const found = items.find((item) => item.event === event);
    if (found !== undefined) {
      print(`    ${dim(found.at.slice(11, 23))}  ${found.event.padEnd(16)} ${dim(found.service)}`);
      return;
    }
    if (Date.now() > deadline) throw new DemoFailed(`${event} of order ${id} did not come`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function expectEnd(order: OrderView, status: OrderView['status'], reason: OrderView['reason']): void {
  if (order.status === status && order.reason === reason) return;
  throw new DemoFailed(`order ${order.id} ended ${order.status} (${order.reason}), not ${status} (${reason})`);
}

async function run(): Promise<void> {
  const { access_token: token } = await signIn({ issuer: authUrl, login: 'alice', password: demoPassword('alice') });
  print(`${bold('alice signed in')} ${dim(`through ${authUrl}: authorization code + PKCE`)}`);

  const page = await call(ProductPage, '/v1/products?limit=100');
  print(`\n${bold(`The catalogue: ${page.items.length} products`)}`);
  for (const item of page.items.slice(0, 5)) {
    print(
      `    ${item.name.padEnd(34)} ${formatMoney(item.price).padStart(12)}   ${dim(`${item.stock.available} in stock`)}`,
    );
  }
  if (page.items.length > 5) print(dim('    …'));
  const product = page.items.find((item) => item.stock.available >= 2);
  if (product === undefined)
    throw new DemoFailed(
      'no product has two units in stock; `npm run seed` fills an empty catalogue, `npm run reset` and `npm start` begin anew',
    );

  const buy = (quantity: number, paymentToken = 'tok_ok') => ({
    lines: [{ productId: product.id, quantity }],
    paymentToken,
  });
  expectEnd(await place('An order that goes well', token, buy(2)), 'Confirmed', null);
  expectEnd(
    await place('An order whose payment is declined', token, buy(1, 'tok_declined')),
    'Canceled',
    'payment-declined',
  );
  const scarce = await place(
    'An order for more than the stock',
    token,
    buy(Math.min(product.stock.available + 1, 10_000)),
  );
  expectEnd(scarce, 'Canceled', 'out-of-stock');
  await compensated(scarce.id, 'PaymentReleased', token);

  const after = await call(ProductView, `/v1/products/${product.id}`);
  print(`\n${bold('Afterwards')}: ${after.stock.available} in stock; 2 sold, nothing else taken.`);
}

takesNoArguments(`Usage: npm run demo
Signs alice in to a running system and places three orders: one that goes well, one whose payment is declined, one beyond the stock.`);

try {
  requireSystem();
  await run();
} catch (error) {
  const isClear = error instanceof DemoFailed || error instanceof SignInFailed || error instanceof StackError;
  const message = isClear ? error.message : undefined;
  process.stderr.write(
    `\n${message ?? `${gatewayUrl} does not answer as it should. Is \`npm start\` running?\n${String(error)}`}\n`,
  );
  process.exit(1);
}
