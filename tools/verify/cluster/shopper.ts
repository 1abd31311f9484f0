import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { OrderView, ProductView, type CreateProduct } from '@rookery/contracts';
import { z } from 'zod';
import { Random } from '@rookery/devkit/client/random';
import { Load } from '@rookery/devkit/client/shoppers';
import { read, request } from '@rookery/devkit/client/request';
import { demoPassword, signIn } from '@rookery/devkit/client/sign-in';
import { SteadyLoad } from '@rookery/devkit/client/steady-load';
import type { OneOrder, Reach, RestlessResult, Said, SteadyResult } from './shop-talk';

// Runs inside the cluster, in a pod of its own, and reaches the system through its Services as any client there would. Bundled and
// started by shopper-pod.ts: `node shopper.mjs <program> <arguments>`.

const GATEWAY = 'http://gateway';
/** The issuer is a browser's address; behind it is the Service. */
const ISSUER = { host: 'localhost', port: 3001 };
const STOCK = 1_000_000;
/** Access tokens live for ten minutes. */
const RENEW_MS = 240_000;
const ENDS_WITHIN_MS = 120_000;
const ADDS_UP_WITHIN_MS = 60_000;
const CONNECTS_WITHIN_MS = 2_000;

const say = (said: Said): void => void process.stdout.write(`${JSON.stringify(said)}\n`);

const tokenOf = async (login: string): Promise<string> => {
  const issuer = `http://${ISSUER.host}:${ISSUER.port}`;
  return (await signIn({ issuer, login, password: demoPassword(login) })).access_token;
};

async function addProduct(token: string, product: Partial<CreateProduct> = {}): Promise<ProductView> {
  const body = {
    sku: `VERIFY-${crypto.randomUUID()}`,
    name: 'Nest box',
    price: { amountMinor: 1_900, currency: 'EUR' },
    stock: STOCK,
    ...product,
  };
  const answer = await request('POST', '/v1/products', { gateway: GATEWAY, token, body });
  if (answer.status !== 201) throw new Error(`adding a product was answered ${answer.status} ${answer.text}`);
  return read(ProductView, answer);
}

async function get<Schema extends z.ZodType>(schema: Schema, path: string, token?: string): Promise<z.output<Schema>> {
  const answer = await request('GET', path, { gateway: GATEWAY, token });
  if (answer.status !== 200) throw new Error(`${path} was answered ${answer.status} ${answer.text}`);
  return read(schema, answer);
}

const orderOf = (id: string, token: string): Promise<OrderView> => get(OrderView, `/v1/orders/${id}`, token);

/** `Confirmed`, the reason of its end, or `Pending` when it has none in time. */
async function endingOf(id: string, token: string, deadline: number): Promise<string> {
  for (;;) {
    const { status, reason } = await orderOf(id, token);
    if (status !== 'Pending' || Date.now() > deadline) return reason ?? status;
    await sleep(200);
  }
}

async function order(): Promise<z.infer<typeof OneOrder>> {
  const product = await addProduct(await tokenOf('olga'), { stock: 5 });
  const token = await tokenOf('alice');
  const since = performance.now();
  const answer = await request('POST', '/v1/orders', {
    gateway: GATEWAY,
    token,
    headers: { 'idempotency-key': crypto.randomUUID() },
    body: { lines: [{ productId: product.id, quantity: 2 }], paymentToken: 'tok_ok' },
  });
  if (answer.status !== 201) throw new Error(`the order was answered ${answer.status} ${answer.text}`);
  const { id } = read(OrderView, answer);
  const status = await endingOf(id, token, Date.now() + ENDS_WITHIN_MS);
  return { id, status, milliseconds: Math.round(performance.now() - since) };
}

/** Sends requests at a steady rate until stdin ends, for hours if need be. */
async function steady(rate: number): Promise<z.infer<typeof SteadyResult>> {
  const operator = await tokenOf('olga');
  let token = await tokenOf('alice');
  const renewing = setInterval(() => {
    // One that fails is as good as a request that fails: the old token ends later.
    tokenOf('alice').then(
      (renewed) => (token = renewed),
      (error: unknown) => load.failures.push(`renewing the token: ${String(error)}`),
    );
  }, RENEW_MS);
  const load = new SteadyLoad({
    gateway: GATEWAY,
    get token() {
      return token;
    },
    plenty: (await addProduct(operator)).id,
    none: (await addProduct(operator, { stock: 0 })).id,
    signIn: () => tokenOf('bob'),
    rate,
  });
  load.start();
  say({ started: true });
  await untilStdinEnds();
  clearInterval(renewing);
  await load.end();
  const deadline = Date.now() + ENDS_WITHIN_MS;
  const wrong: string[] = [];
  for (const { id, ending } of load.orders) {
    const actual = await endingOf(id, token, deadline);
    if (actual !== ending) wrong.push(`order ${id} ended ${actual}, not ${ending}`);
  }
  const answered = Object.values(load.answered).reduce((sum, count) => sum + count, 0);
  return { answered, failures: load.failures, orders: load.orders.length, wrong };
}

/** Customers who try again, for some seconds; says at times how many orders are under way. */
async function restless(rate: number, seconds: number): Promise<z.infer<typeof RestlessResult>> {
  const operator = await tokenOf('olga');
  const scarce = await addProduct(operator, { stock: 20 });
  const plenty = [await addProduct(operator), await addProduct(operator), await addProduct(operator)];
  const products = [scarce, ...plenty];
  const alice = { name: 'alice', token: await tokenOf('alice') };
  const bob = { name: 'bob', token: await tokenOf('bob') };
  const tokens = new Map([alice, bob].map(({ name, token }) => [name, token]));
  const load = new Load({
    gatewayUrl: GATEWAY,
    customers: [alice, bob],
    products: [scarce.id, ...plenty.map(({ id }) => id)],
    rate,
    seconds,
    random: new Random(Date.now()),
    answersWithinMs: 10_000,
  });
  const running = new AbortController();
  say({ started: true });
  const watching = watchPending(load, tokens, running.signal);
  await load.run();
  running.abort();
  await watching;

  const deadline = Date.now() + ENDS_WITHIN_MS;
  const wrong: string[] = load.oddities.map(({ at, what }) => `${at} ${what}`);
  const endings: Record<string, number> = {};
  const sold = new Map<string, number>();
  let orders = 0;
  for (const { key, customer, answers } of load.placings) {
    const ids = idsOf(answers);
    const [id] = ids;
    if (ids.length > 1) wrong.push(`key ${key} placed ${ids.length} orders`);
    if (id === undefined) {
      wrong.push(`key ${key} placed no order: ${answers.map(({ status }) => status).join() || 'no answer'}`);
      continue;
    }
    orders += 1;
    const token = tokens.get(customer) ?? '';
    const ending = await endingOf(id, token, deadline);
    endings[ending] = (endings[ending] ?? 0) + 1;
    if (ending === 'Pending') wrong.push(`order ${id} is still Pending`);
    if (ending !== 'Confirmed') continue;
    for (const { productId, quantity } of (await orderOf(id, token)).lines) {
      sold.set(productId, (sold.get(productId) ?? 0) + quantity);
    }
  }
  for (const { id, stock } of products) wrong.push(...(await stockFaults(id, stock.available - (sold.get(id) ?? 0))));
  return { statuses: Object.fromEntries(load.statuses), orders, endings, wrong };
}

const idsOf = (answers: Load['placings'][number]['answers']): readonly string[] => [
  ...new Set(answers.filter(({ status }) => status === 201).map(({ text }) => OrderView.parse(JSON.parse(text)).id)),
];

async function watchPending(load: Load, tokens: ReadonlyMap<string, string>, until: AbortSignal): Promise<void> {
  while (!until.aborted) {
    const recent = load.placings.slice(-20).flatMap(({ customer, answers }) =>
      idsOf(answers).map(async (id) => {
        const { status } = await orderOf(id, tokens.get(customer) ?? '');
        return status === 'Pending';
      }),
    );
    // While services are down there is no answer.
    const pending = await Promise.all(recent).catch(() => []);
    say({ pending: pending.filter((one) => one).length });
    await sleep(300, undefined, { signal: until }).catch(() => undefined);
  }
}

/** What was released after an order's end comes back a little later. */
async function stockFaults(id: string, expected: number): Promise<readonly string[]> {
  const deadline = Date.now() + ADDS_UP_WITHIN_MS;
  for (;;) {
    const { stock } = await get(ProductView, `/v1/products/${id}`);
    if (stock.available === expected) return [];
    if (Date.now() > deadline) return [`product ${id} has ${stock.available} in stock, not ${expected}`];
    await sleep(500);
  }
}

const reaches = (address: string): Promise<boolean> =>
  new Promise((resolve) => {
    const [host = '', port = ''] = address.split(':');
    const socket = connect({ host, port: Number(port), timeout: CONNECTS_WITHIN_MS });
    const done = (reached: boolean): void => {
      socket.destroy();
      resolve(reached);
    };
    socket
      .once('connect', () => done(true))
      .once('timeout', () => done(false))
      .once('error', () => done(false));
  });

const reach = async (addresses: readonly string[]): Promise<z.infer<typeof Reach>> =>
  Object.fromEntries(await Promise.all(addresses.map(async (address) => [address, await reaches(address)] as const)));

async function untilStdinEnds(): Promise<void> {
  process.stdin.resume();
  await new Promise((resolve) => process.stdin.once('end', resolve).once('close', resolve));
}

/** What `kubectl port-forward` does for a browser. */
async function forwardIssuer(): Promise<() => void> {
  const server = createServer((client) => {
    const upstream = connect({ host: 'auth', port: 80 });
    const drop = (): void => void (client.destroy(), upstream.destroy());
    client.on('error', drop).pipe(upstream.on('error', drop)).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(ISSUER.port, ISSUER.host, resolve));
  return () => server.close();
}

const whole = (text: string | undefined): number => z.coerce.number().int().min(1).parse(text);

async function run(program: string | undefined, args: readonly string[]): Promise<unknown> {
  if (program === 'reach') return reach(args);
  await forwardIssuer();
  switch (program) {
    case 'order':
      return order();
    case 'steady':
      return steady(whole(args[0]));
    case 'restless':
      return restless(whole(args[0]), whole(args[1]));
    default:
      throw new Error(`there is no program ${program ?? ''}`);
  }
}

/** Stdout is a pipe: what is written has left only when it is called back. */
const sayAndExit = (said: Said, code: number): void =>
  void process.stdout.write(`${JSON.stringify(said)}\n`, () => process.exit(code));

const [program, ...args] = process.argv.slice(2);
try {
  sayAndExit({ result: await run(program, args) }, 0);
} catch (error) {
  sayAndExit({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }, 1);
}
