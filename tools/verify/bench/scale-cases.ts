import { OrderPage, OrderView, PaymentList, ProductPage, Timeline } from '@rookery/contracts';
import type { ApiClient } from '@rookery/devkit/client/api-client';
import { CATEGORIES } from './scale-fill';

/** Who asks for what in a system. */
export interface Asking {
  readonly customer: ApiClient;
  readonly operator: ApiClient;
  /** Orders of the customer. */
  readonly orders: readonly string[];
}

/** One kind of request. Each number makes another request, so that no cache answers it. */
export interface Case {
  readonly name: string;
  readonly service: 'products' | 'orders' | 'payments';
  /** @throws {Error} when the answer is wrong */
  ask(asking: Asking, number: number): Promise<void>;
}

type Items = readonly unknown[];

function check(right: boolean, path: string): void {
  if (!right) {
    throw new Error(`${path} was answered wrongly`);
  }
}

const anyNumber = (): boolean => true;
const some = (items: Items): boolean => items.length > 0;
const none = (items: Items): boolean => items.length === 0;

function products(name: string, query: (number: number) => string, right: (items: Items) => boolean = some): Case {
  return {
    name,
    service: 'products',
    async ask({ customer }, number) {
      const path = `/v1/products?${query(number)}`;
      const { items } = await customer.get(ProductPage, path);
      check(right(items), path);
    },
  };
}

function orders(
  name: string,
  who: 'customer' | 'operator',
  status: 'Pending' | 'Confirmed' | 'Canceled' | undefined,
): Case {
  return {
    name,
    service: 'orders',
    async ask(asking) {
      const path = `/v1/orders?limit=20${status === undefined ? '' : `&status=${status}`}`;
      const { items } = await asking[who].get(OrderPage, path);
      check(items.length > 0 && items.every((order) => status === undefined || order.status === status), path);
    },
  };
}

function ofOrder(
  name: string,
  service: Case['service'],
  ask: (customer: ApiClient, id: string) => Promise<boolean>,
): Case {
  return {
    name,
    service,
    async ask({ customer, orders: ids }, number) {
      const id = ids[number % ids.length] ?? '';
      check(await ask(customer, id), `${name} of order ${id}`);
    },
  };
}

const SORTS = ['name', '-name', 'createdAt', '-createdAt'] as const;
const sort = (number: number): string =>
  `sort=${SORTS[number % SORTS.length]}&limit=${20 + (Math.floor(number / SORTS.length) % 80)}`;
const category = (number: number): string =>
  `category=category+${number % CATEGORIES}&limit=${18 + (Math.floor(number / CATEGORIES) % 80)}`;
const letters = (number: number): string =>
  String.fromCharCode(97 + (number % 26), 97 + (Math.floor(number / 26) % 26));

/** A search does not distinguish them, a cache does. */
const spelled = (word: string, number: number): string =>
  word.slice(0, Math.floor(number / 100)).toUpperCase() + word.slice(Math.floor(number / 100));

/** Every list with its filters, and the reads of an order. */
export const CASES: readonly Case[] = [
  products('products by name or age', sort),
  products('products of a category by price', (number) => `${category(number)}&sort=price&currency=EUR`),
  products(
    'products in a rare currency by age',
    (number) =>
      `currency=JPY&sort=createdAt&limit=${1 + Math.floor(number / CATEGORIES)}&category=category+${number % CATEGORIES}`,
  ),
  products('search: in one product', (number) => `q=number+${number + 1}.`),
  products('search: in no product', (number) => `q=no+such+thing+${number}`, none),
  products('search: in every product', (number) => `q=weatherproof+and+easy&${sort(number)}`),
  products('search: parts of every product, in none', (number) => `q=box+nest&${sort(number)}`, none),
  products(
    'search: in 4 % of the products, the last ones by name',
    (number) => `q=${spelled('zebra', number)}&sort=name&limit=${1 + (number % 100)}`,
    anyNumber,
  ),
  products(
    'search: in 20 % of the products, late by name',
    (number) => `q=${spelled('perch', number)}&sort=name&limit=${1 + (number % 100)}`,
    anyNumber,
  ),
  products('search: two letters', (number) => `q=${letters(number)}`, anyNumber),
  orders('orders of a customer', 'customer', undefined),
  orders('orders of a customer: Pending, a few', 'customer', 'Pending'),
  orders('orders of a customer: Confirmed', 'customer', 'Confirmed'),
  orders('all orders', 'operator', undefined),
  orders('all orders: Pending, five', 'operator', 'Pending'),
  orders('all orders: Canceled', 'operator', 'Canceled'),
  ofOrder('an order', 'orders', async (customer, id) => (await customer.get(OrderView, `/v1/orders/${id}`)).id === id),
  ofOrder(
    'its timeline',
    'orders',
    async (customer, id) => (await customer.get(Timeline, `/v1/orders/${id}/timeline`)).items.length === 2,
  ),
  ofOrder(
    'its payment',
    'payments',
    async (customer, id) => (await customer.get(PaymentList, `/v1/payments?orderId=${id}`)).items.length === 1,
  ),
];
