import { createServer, type RequestListener, type Server } from 'node:http';
import { Answers } from './answers';
import { catalog, type MeasuredSystem } from './measured-system';

const ID = '01a22ee0-9538-714c-b067-ee6020fdd0e4';
const NOW = '2026-11-30T12:00:00.000Z';
const about = { id: ID, version: 1, createdAt: NOW, updatedAt: NOW };

type Product = (typeof catalog)[number];
const viewOf = (product: Product) => ({ ...product, ...about, stock: { available: product.stock } });

/** A shop without a database, and what is wrong with it. */
interface Faults {
  readonly product?: (product: Product) => Product;
  readonly unknownStatus?: number;
  readonly orderStatus?: string;
  readonly quantity?: number;
}

const shop =
  ({ product: change = (same) => same, unknownStatus = 404, orderStatus = 'Confirmed', quantity = 1 }: Faults) =>
  (path: URL, method: string): readonly [status: number, body: object] => {
    const [first] = catalog;
    if (first === undefined) {
      throw new Error('the catalog is empty');
    }
    if (path.pathname === '/v1/products') {
      const items = catalog.filter(({ category }) => category === path.searchParams.get('category'));
      return [200, { items: items.map((one) => viewOf(change(one))), nextCursor: null }];
    }
    if (path.pathname.startsWith('/v1/products/')) {
      return path.pathname.endsWith(ID) ? [200, viewOf(change(first))] : [unknownStatus, {}];
    }
    const line = { productId: ID, sku: first.sku, name: first.name, quantity, unitPrice: first.price };
    const order = { ...about, reason: null, lines: [line], total: first.price, status: orderStatus };
    return method === 'POST' ? [201, order] : [200, { items: [order], nextCursor: null }];
  };

describe('the answers of a system', () => {
  let server: Server | undefined;
  afterEach(() => void server?.close());

  /** The check of a shop with these faults. */
  async function checked(faults: Faults): Promise<readonly string[]> {
    const answer = shop(faults);
    const listener: RequestListener = (request, response) => {
      const [status, body] = answer(new URL(request.url ?? '', 'http://shop'), request.method ?? '');
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(body));
    };
    const { promise, resolve } = Promise.withResolvers<undefined>();
    server = createServer(listener).listen(0, '127.0.0.1', () => resolve(undefined));
    await promise;
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const system: MeasuredSystem = {
      name: 'a shop',
      what: 'one of a spec',
      url: `http://127.0.0.1:${port}`,
      database: '',
      idle: undefined,
      headers: async () => ({}),
      cpuSeconds: () => undefined,
      memory: () => undefined,
      stop: async () => undefined,
    };
    return (await Answers.of(system)).check();
  }

  it('are taken when all are right', async () => {
    expect(await checked({})).toHaveLength(catalog.length);
  });

  it.each<{ what: string; faults: Faults; message: string }>([
    {
      what: 'a product has another price',
      faults: { product: (one) => ({ ...one, price: { ...one.price, amountMinor: one.price.amountMinor + 1 } }) },
      message: 'another catalog',
    },
    { what: 'an unknown product is found', faults: { unknownStatus: 200 }, message: 'answers 200 to GET' },
    { what: 'an order is canceled', faults: { orderStatus: 'Canceled' }, message: 'another order' },
    { what: 'an order has another quantity', faults: { quantity: 2 }, message: 'another order' },
  ])('are refused when $what', async ({ faults, message }) => {
    await expect(checked(faults)).rejects.toThrow(message);
  });
});
