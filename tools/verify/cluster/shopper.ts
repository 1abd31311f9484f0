import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { ApiClient } from '@rookery/devkit/client/api-client';
import { Random } from '@rookery/devkit/client/random';
import { RetryingLoad } from '@rookery/devkit/client/retrying-load';
import { SteadyLoad } from '@rookery/devkit/client/steady-load';
import { until } from '@rookery/devkit/terminal/until';
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

const signIn = (login: string): Promise<ApiClient> =>
  ApiClient.signIn({ gatewayUrl: GATEWAY, authUrl: `http://${ISSUER.host}:${ISSUER.port}` }, login);

/** `Confirmed`, the reason of its end, or `Pending` when it has no end in time. */
async function endingOf(id: string, client: ApiClient, deadline: number): Promise<string> {
  await client.ended(id, deadline - Date.now()).catch(() => undefined);
  const { status, reason } = await client.order(id);
  return reason ?? status;
}

async function order(): Promise<z.infer<typeof OneOrder>> {
  const product = await (await signIn('olga')).addProduct({ stock: 5 });
  const alice = await signIn('alice');
  const since = performance.now();
  const { id } = await alice.buy(product.id, 2);
  const status = await endingOf(id, alice, Date.now() + ENDS_WITHIN_MS);
  return { id, status, milliseconds: Math.round(performance.now() - since) };
}

/** Sends requests at a steady rate until stdin ends, for hours if need be. */
async function steady(rate: number): Promise<z.infer<typeof SteadyResult>> {
  const operator = await signIn('olga');
  let alice = await signIn('alice');
  const renewing = setInterval(() => {
    // A log-in that fails counts as a failed request; the old token is still valid.
    signIn('alice').then(
      (renewed) => (alice = renewed),
      (error: unknown) => load.failures.push(`renewing the token: ${String(error)}`),
    );
  }, RENEW_MS);
  const load = new SteadyLoad({
    get client() {
      return alice;
    },
    plenty: (await operator.addProduct({ stock: STOCK })).id,
    none: (await operator.addProduct({ stock: 0 })).id,
    signIn: () => signIn('bob'),
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
    const actual = await endingOf(id, alice, deadline);
    if (actual !== ending) {
      wrong.push(`order ${id} ended ${actual}, not ${ending}`);
    }
  }
  const answered = Object.values(load.answered).reduce((sum, count) => sum + count, 0);
  return { answered, failures: load.failures, orders: load.orders.length, wrong };
}

/** Customers who try again, for some seconds; says at times how many orders are under way. */
async function restless(rate: number, seconds: number): Promise<z.infer<typeof RestlessResult>> {
  const operator = await signIn('olga');
  const plenty = { stock: STOCK };
  const products = await Promise.all([{ stock: 20 }, plenty, plenty, plenty].map((one) => operator.addProduct(one)));
  const [scarce = '', ...others] = products.map(({ id }) => id);
  const load = new RetryingLoad({
    customers: [await signIn('alice'), await signIn('bob')],
    products: [scarce, ...others],
    rate,
    seconds,
    random: new Random(Date.now()),
    answersWithinMs: 10_000,
  });
  const running = new AbortController();
  say({ started: true });
  const watching = watchPending(load, running.signal);
  await load.run();
  running.abort();
  await watching;

  const deadline = Date.now() + ENDS_WITHIN_MS;
  const wrong: string[] = load.anomalies.map(({ at, what }) => `${at} ${what}`);
  const endings: Record<string, number> = {};
  const sold = new Map<string, number>();
  let orders = 0;
  for (const { key, customer, answers, orderIds } of load.placements) {
    const [id] = orderIds;
    if (orderIds.length > 1) {
      wrong.push(`key ${key} placed ${orderIds.length} orders`);
    }
    if (id === undefined) {
      wrong.push(`key ${key} placed no order: ${answers.map(({ status }) => status).join() || 'no answer'}`);
      continue;
    }
    orders += 1;
    const ending = await endingOf(id, customer, deadline);
    endings[ending] = (endings[ending] ?? 0) + 1;
    if (ending === 'Pending') {
      wrong.push(`order ${id} is still Pending`);
    }
    if (ending !== 'Confirmed') {
      continue;
    }
    for (const { productId, quantity } of (await customer.order(id)).lines) {
      sold.set(productId, (sold.get(productId) ?? 0) + quantity);
    }
  }
  for (const { id, stock } of products) {
    wrong.push(...(await stockFaults(operator, id, stock.available - (sold.get(id) ?? 0))));
  }
  return { statuses: Object.fromEntries(load.statuses), orders, endings, wrong };
}

async function watchPending(load: RetryingLoad, until: AbortSignal): Promise<void> {
  while (!until.aborted) {
    const recent = load.placements
      .slice(-20)
      .flatMap(({ customer, orderIds }) => orderIds.map(async (id) => (await customer.order(id)).status === 'Pending'));
    // While services are down there is no answer.
    const pending = await Promise.all(recent).catch(() => []);
    say({ pending: pending.filter((one) => one).length });
    await sleep(300, undefined, { signal: until }).catch(() => undefined);
  }
}

/** What was released after an order's end comes back a little later. */
async function stockFaults(client: ApiClient, id: string, expected: number): Promise<readonly string[]> {
  let available = 0;
  const addsUp = async (): Promise<boolean> => {
    ({ available } = (await client.product(id)).stock);
    return available === expected;
  };
  const added = await until(addsUp, ADDS_UP_WITHIN_MS, 500);
  return added === undefined ? [`product ${id} has ${available} in stock, not ${expected}`] : [];
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
  if (program === 'reach') {
    return reach(args);
  }
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
