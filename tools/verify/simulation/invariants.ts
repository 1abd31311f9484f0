import type { Charge } from './bank';
import type { Shop } from './shop';

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

/** What must hold at every moment: what a step broke of it. `ended` keeps how each order ended, from step to step. */
export function brokenAtOnce(shop: Shop, ended: Map<string, string>): readonly string[] {
  const broken: string[] = [];
  for (const [id, { initial, available, reserved, sold }] of shop.products.stock.rows) {
    const counts = `${available} available, ${reserved} reserved and ${sold} sold of ${initial} (product ${id.slice(-1)})`;
    if (Math.min(available, reserved, sold) < 0) broken.push(`I4: ${counts}`);
    if (available + reserved + sold !== initial) broken.push(`I4: ${counts}`);
  }
  for (const { id, status, reason, isTerminal } of shop.orders.repository.table.rows.values()) {
    const end = `${status} ${reason ?? ''}`.trim();
    const before = ended.get(id);
    if (before !== undefined && before !== end) broken.push(`I8: ${shop.nameOf(id)} was ${before} and is ${end}`);
    if (isTerminal) ended.set(id, end);
  }
  return broken;
}

/** I1: time has an owner. */
export function brokenAfterSweep(shop: Shop): readonly string[] {
  const now = shop.clock.now();
  const orders = [...shop.orders.repository.table.rows.values()];
  const overdue = orders.filter(({ isTerminal, deadlineAt }) => !isTerminal && deadlineAt <= now);
  return overdue.map(({ id }) => `I1: ${shop.nameOf(id)} is Pending past its deadline`);
}

/** What must hold once everything rests; I7 only where the order of events is kept on the way. */
export function brokenAtRest(shop: Shop): readonly string[] {
  return [
    ...shop.failures.map((failure) => `I3: ${failure}`),
    ...shop.deadLetters.map((letter) => `I6: a dead letter that nobody injected: ${letter}`),
    ...brokenMoney(shop),
    ...brokenReservations(shop),
    ...brokenStock(shop),
    ...brokenDeliveries(shop),
    ...brokenOrder(shop),
  ];
}

/** I1, I3 and I9, order by order: the bank's ledger and our payments. */
function brokenMoney(shop: Shop): readonly string[] {
  const broken: string[] = [];
  const payments = [...shop.payments.repository.table.rows.values()];
  for (const { id, status, totalMinor } of shop.orders.repository.table.rows.values()) {
    const order = `${shop.nameOf(id)} (${status})`;
    const charges = [...shop.bank.charges.values()].filter((charge) => charge.orderId === id);
    const owed = status === 'Confirmed' ? totalMinor : 0;
    const kept = sum(charges.filter(({ state }) => state === 'captured').map(amountOf));
    const held = charges.filter(({ state }) => state === 'authorized').length;
    const payment = payments.find(({ orderId }) => orderId === id);
    if (status === 'Pending') broken.push(`I1: ${order} has no end`);
    if (charges.length > 1) broken.push(`I3: ${order} was charged ${charges.length} times`);
    if (kept !== owed) broken.push(`I3: the bank took ${kept} for ${order}, which owes ${owed}`);
    if (held > 0) broken.push(`${status === 'Canceled' ? 'I9' : 'I3'}: the bank still holds money for ${order}`);
    if ((payment?.status === 'Captured') !== (status === 'Confirmed'))
      broken.push(`I3: the payment of ${order} is ${payment?.status ?? 'missing'}`);
  }
  return broken;
}

/** I4 and I9, order by order: our reservations. */
function brokenReservations(shop: Shop): readonly string[] {
  const broken: string[] = [];
  for (const { id, status } of shop.orders.repository.table.rows.values()) {
    const order = `${shop.nameOf(id)} (${status})`;
    const reservation = shop.products.repository.table.rows.get(id);
    if (reservation?.status === 'Reserved') broken.push(`I9: stock is still reserved for ${order}`);
    if ((reservation?.status === 'Shipped') !== (status === 'Confirmed'))
      broken.push(`I4: the reservation of ${order} is ${reservation?.status ?? 'missing'}`);
  }
  return broken;
}

const amountOf = ({ amount }: Charge): number => amount?.amountMinor ?? 0;

/** I4. */
function brokenStock(shop: Shop): readonly string[] {
  const confirmed = [...shop.orders.repository.table.rows.values()].filter(({ status }) => status === 'Confirmed');
  return [...shop.products.stock.rows].flatMap(([id, { reserved, sold }]) => {
    const lines = confirmed.flatMap((order) => order.lines).filter(({ productId }) => productId === id);
    const ordered = sum(lines.map(({ quantity }) => quantity));
    return [
      ...(reserved === 0 ? [] : [`I4: ${reserved} of product ${id.slice(-1)} are still reserved`]),
      ...(sold === ordered
        ? []
        : [`I4: ${sold} of product ${id.slice(-1)} are sold, Confirmed orders have ${ordered}`]),
    ];
  });
}

/** I5 and I6: each event is in the stream, and had one effect at each service that takes it. */
function brokenDeliveries(shop: Shop): readonly string[] {
  const broken: string[] = [];
  const rows = shop.services.flatMap(({ outbox }) => [...outbox.rows.values()]);
  for (const { message, published } of rows) {
    if (!published) broken.push(`I6: ${message.name} waits in the outbox`);
    if (!shop.stored.has(message.id)) broken.push(`I6: ${message.name} is in no stream`);
    for (const { name, handlers, inbox } of shop.services) {
      if (name === message.source || !handlers.has(message.subject)) continue;
      const effects = [...inbox.takings.values()].filter(({ id }) => id === message.id).length;
      if (effects !== 1) broken.push(`I5: ${message.name} had ${effects} effects at ${name}`);
    }
  }
  for (const { id, eventSequence } of shop.orders.repository.table.rows.values()) {
    const told = rows.filter(({ message }) => message.source === 'orders' && message.aggregateId === id).length;
    if (told !== eventSequence)
      broken.push(`I6: ${shop.nameOf(id)} recorded ${eventSequence} events, its outbox has ${told}`);
    const steps = shop.orders.repository.timelines.get(id) ?? [];
    if (new Set(steps).size !== steps.length)
      broken.push(`I5: the timeline of ${shop.nameOf(id)} repeats: ${steps.join(', ')}`);
  }
  return broken;
}

/** I7: each service took the events that it takes of an aggregate in their order. */
function brokenOrder(shop: Shop): readonly string[] {
  return shop.services.flatMap(({ name, inbox }) =>
    [...Map.groupBy(inbox.takings.values(), ({ aggregateId }) => aggregateId).values()]
      .map((takings) => takings.map(({ sequence }) => sequence))
      .filter((sequences) => sequences.some((sequence, index) => sequence <= (sequences[index - 1] ?? 0)))
      .map((sequences) => `I7: ${name} took ${sequences.join(', ')} of one aggregate`),
  );
}
