import { deepStrictEqual } from 'node:assert';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { z } from 'zod';
import { OrderPage, OrderView, ProductPage, ProductView } from '@rookery/contracts';
import { type Answer, read, request } from '@rookery/devkit/client/request';
import { catalog, CATEGORIES, IN_A_CATEGORY, type MeasuredSystem, STOCK } from './measured-system';

const CONFIRMED_WITHIN_MS = 10_000;

/** What is asked of every system before it is measured. */
export class Answers {
  private constructor(
    private readonly system: MeasuredSystem,
    private readonly headers: Readonly<Record<string, string>>,
  ) {}

  static async of(system: MeasuredSystem): Promise<Answers> {
    return new Answers(system, await system.headers());
  }

  /**
   * Reads the whole catalog by lists, one product, and an order from POST to Confirmed. Result: the ids of the products.
   * @throws {Error} when a status or a body is not what every system answers
   */
  async check(): Promise<readonly string[]> {
    const products = await this.products();
    deepStrictEqual(products.map(shared), catalog.map(expected), `${this.system.name} has another catalog`);
    const [first] = products;
    if (first === undefined) {
      throw new Error(`${this.system.name} has no product`);
    }
    for (const url of [this.system.url, this.system.notKeptUrl ?? this.system.url]) {
      const one: ProductView = await this.ask(ProductView, `/v1/products/${first.id}`, 200, url);
      deepStrictEqual(one, first, `${this.system.name} shows a product in another way than in the list`);
    }
    await this.expectStatus(404, `/v1/products/${randomUUID()}`);
    await this.checkOrder(first);
    return products.map(({ id }) => id);
  }

  /**
   * Compares stock and orders with what was sold.
   * @throws {Error} when a unit is missing or an order is not Confirmed
   */
  async checkSold(units: number): Promise<void> {
    const products = await this.products();
    const left = products.reduce((sum, { stock }) => sum + stock.available, 0);
    const database = new Client({ connectionString: this.system.database });
    await database.connect();
    const { rows } = await database.query<{ orders: number; confirmed: number }>(
      `SELECT count(*)::integer AS orders, count(*) FILTER (WHERE status = 'Confirmed')::integer AS confirmed FROM orders`,
    );
    await database.end();
    deepStrictEqual(
      { sold: catalog.length * STOCK - left, ...rows[0] },
      { sold: units, orders: units, confirmed: units },
      `${this.system.name} lost units or orders`,
    );
  }

  private async products(): Promise<readonly ProductView[]> {
    const pages = [];
    for (const category of CATEGORIES) {
      const path = `/v1/products?category=${category}&limit=${IN_A_CATEGORY}`;
      pages.push(await this.ask(ProductPage, path, 200, this.system.notKeptUrl));
    }
    return pages.flatMap(({ items }) => items);
  }

  private async checkOrder({ id: productId, sku, name, price }: ProductView): Promise<void> {
    const body = { lines: [{ productId, quantity: 1 }], paymentToken: 'tok_ok' };
    const placed = read(OrderView, await this.answer('/v1/orders', 201, { body }));
    const lines = [{ productId, sku, name, quantity: 1, unitPrice: price }];
    const deadline = Date.now() + CONFIRMED_WITHIN_MS;
    let order = placed;
    while (order.status === 'Pending' && Date.now() < deadline) {
      await sleep(20);
      const { items } = await this.ask(OrderPage, '/v1/orders?limit=1');
      order = items[0] ?? placed;
    }
    deepStrictEqual(
      { id: order.id, status: order.status, reason: order.reason, lines: order.lines, total: order.total },
      { id: placed.id, status: 'Confirmed', reason: null, lines, total: price },
      `${this.system.name} has another order`,
    );
  }

  private async ask<Schema extends z.ZodType>(
    schema: Schema,
    path: string,
    status = 200,
    url = this.system.url,
  ): Promise<z.output<Schema>> {
    return read(schema, await this.answer(path, status, { url }));
  }

  private async expectStatus(status: number, path: string): Promise<void> {
    await this.answer(path, status);
  }

  private async answer(
    path: string,
    status: number,
    { body, url = this.system.url }: { readonly body?: object; readonly url?: string | undefined } = {},
  ): Promise<Answer> {
    const method = body === undefined ? 'GET' : 'POST';
    const answer = await request(method, path, { gateway: url, headers: this.headers, body });
    if (answer.status !== status) {
      throw new Error(
        `${this.system.name} answers ${answer.status} to ${method} ${path}, not ${status}: ${answer.text}`,
      );
    }
    return answer;
  }
}

const expected = ({ sku, name, description, category, price, stock }: (typeof catalog)[number]) => ({
  sku,
  name,
  description,
  category,
  price,
  stock: { available: stock },
});

const shared = ({ sku, name, description, category, price, stock }: ProductView) => ({
  sku,
  name,
  description,
  category,
  price,
  stock,
});
