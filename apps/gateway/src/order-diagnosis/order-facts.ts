import {
  DeadLetterRpc,
  MAX_LISTED_DEAD_LETTERS,
  MAX_TRACED_EVENTS,
  OrderTraceRpc,
  SagaServices,
  partsOfDeadLetterId,
  type DeadLetterView,
  type EventFacts,
  type RpcContract,
  type SagaService,
} from '@rookery/contracts';
import type { RpcClient } from '@rookery/messaging';
import { toProblem } from '@rookery/platform';
import type { z } from 'zod';

/** What a service answered, or the code of the problem that kept it from answering. */
export type Answer<Facts> =
  { readonly facts: Facts; readonly problem: null } | { readonly facts: null; readonly problem: string };

/** What each service knows of the order. */
export interface OrderFactsOfAll {
  readonly orders: Answer<z.output<typeof OrderTraceRpc.orders.response>>;
  readonly payments: Answer<z.output<typeof OrderTraceRpc.payments.response>>;
  readonly products: Answer<z.output<typeof OrderTraceRpc.products.response>>;
}

/** Dead letters of the saga's services, and whether these are all there are. */
export interface Letters {
  readonly items: readonly DeadLetterView[];
  readonly complete: boolean;
}

/** A service that is silent is not waited for longer: its part is missing then. */
const answerMs = 2_000;
/** Each round asks about the events that the one before has found. An order at rest takes two. */
const mostRounds = 4;
/** Pages of dead letters that are looked through, per service. */
const mostPages = 10;

/**
 * Asks all three services at once, and again while events turn up that their inboxes were not asked about: only the producer
 * knows its events’ ids. Throws the problem of a service that refuses, and that of orders when nobody answers.
 */
export async function factsOf(rpc: RpcClient, id: string): Promise<OrderFactsOfAll> {
  let asked: readonly string[] = [];
  let known = await askAll(rpc, id, asked);
  for (let round = 2; round <= mostRounds; round += 1) {
    const found = eventIdsIn(known);
    if (found.every((eventId) => asked.includes(eventId))) break;
    asked = found;
    known = await askAll(rpc, id, asked, known);
  }
  return known;
}

async function askAll(
  rpc: RpcClient,
  id: string,
  asked: readonly string[],
  before?: OrderFactsOfAll,
): Promise<OrderFactsOfAll> {
  const request = { id, eventIds: [...asked] };
  // Who did not answer is not waited for in each round.
  const ask = <Response extends z.ZodType>(
    contract: RpcContract<typeof OrderTraceRpc.orders.request, Response>,
    earlier?: Answer<z.output<Response>>,
  ): Promise<Answer<z.output<Response>>> | Answer<z.output<Response>> =>
    earlier?.facts === null ? earlier : answerOf(rpc.call(contract, request, { timeoutMs: answerMs }));
  const [orders, payments, products] = await Promise.all([
    ask(OrderTraceRpc.orders, before?.orders),
    ask(OrderTraceRpc.payments, before?.payments),
    ask(OrderTraceRpc.products, before?.products),
  ]);
  return { orders, payments, products };
}

async function answerOf<Facts>(asking: Promise<Facts>): Promise<Answer<Facts>> {
  try {
    return { facts: await asking, problem: null };
  } catch (error) {
    const { status, code } = toProblem(error);
    if (status < 500) throw error;
    return { facts: null, problem: code };
  }
}

/** Ids of the order's events, as far as their producers have them. */
export function eventIdsIn({ orders, payments, products }: OrderFactsOfAll): readonly string[] {
  const facts: readonly (EventFacts | undefined)[] = [orders, payments, products].map((answer) => answer.facts?.events);
  return facts.flatMap((events) => events?.outbox.map(({ id }) => id) ?? []).slice(0, MAX_TRACED_EVENTS);
}

/** The dead letters of the saga's services; of a service that does not answer, and past the bound, they are missing. */
export async function lettersOf(rpc: RpcClient): Promise<Letters> {
  const lists = await Promise.all(SagaServices.map((consumer) => lettersOfOne(rpc, consumer)));
  return { items: lists.flatMap(({ items }) => items), complete: lists.every(({ complete }) => complete) };
}

async function lettersOfOne(rpc: RpcClient, consumer: SagaService): Promise<Letters> {
  const items: DeadLetterView[] = [];
  let after = 0;
  for (let page = 1; page <= mostPages; page += 1) {
    const request = { after, limit: MAX_LISTED_DEAD_LETTERS };
    const { facts } = await answerOf(rpc.call(DeadLetterRpc[consumer].list, request, { timeoutMs: answerMs }));
    if (facts === null) return { items, complete: false };
    items.push(...facts.items);
    const last = facts.items.at(-1);
    if (last === undefined || facts.items.length < MAX_LISTED_DEAD_LETTERS) return { items, complete: true };
    after = partsOfDeadLetterId(last.id).position;
  }
  return { items, complete: false };
}
