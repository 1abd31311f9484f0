import { OrderView } from '@rookery/contracts';
import type { History, Invariant, OrderFacts } from './world';

export const i2: Invariant = {
  id: 'I2',
  statement:
    'Every 201 is one stored order with the same content. A definite refusal (4xx) stored none. After an unknown outcome (time-out, reset) there is one order or none.',
  rationale: 'An answer is a promise, and a refusal is one too.',
  atRest: ({ history, orders }) => {
    if (history === undefined) {
      return [];
    }
    const byId = new Map(orders.map((order) => [order.id, order]));
    const keys = new Set(history.placements.map(({ key }) => key));
    const unsent = [...history.orderIdByKey.keys()].filter((key) => !keys.has(key));
    return [
      ...history.placements.flatMap((placement) => brokenPromise(placement, history, byId)),
      ...unsent.map((key) => `an order under the key ${key}, which no customer sent`),
    ];
  },
};

function brokenPromise(
  { key, body, answers }: History['placements'][number],
  { orderIdByKey }: History,
  orders: ReadonlyMap<string, OrderFacts>,
): readonly string[] {
  const taken = answers.find(({ status }) => status === 201);
  if (taken === undefined) {
    const refused = answers.find(({ status }) => status >= 400 && status < 500);
    return refused !== undefined && orderIdByKey.has(key)
      ? [`key ${key} was refused with ${refused.status} and there is an order`]
      : [];
  }
  const view = OrderView.parse(JSON.parse(taken.text));
  const order = orders.get(view.id);
  if (order === undefined) {
    return [`order ${view.id} was answered 201 and is lost`];
  }
  const isSame = order.totalMinor === view.total.amountMinor && textOf(order.lines) === textOf(body.lines);
  return isSame ? [] : [`order ${view.id} differs from its answer`];
}

const textOf = (lines: OrderFacts['lines']): string =>
  JSON.stringify(lines.map(({ productId, quantity }) => [productId, quantity]));
