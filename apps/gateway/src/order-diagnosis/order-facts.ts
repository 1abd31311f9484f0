import type { z } from 'zod';
import {
  DeadLetterRpc,
  type DeadLetterView,
  type EventFacts,
  MAX_DIAGNOSED_EVENTS,
  MAX_LISTED_DEAD_LETTERS,
  OrderDiagnosisRpc,
  partsOfDeadLetterId,
  type RpcContract,
  type SagaService,
  SagaServices,
} from '@rookery/contracts';
import type { RpcClient } from '@rookery/messaging';
import { toProblem } from '@rookery/platform';

/** The response of a service, or the code of the problem instead of one. */
export type Answer<Facts> =
  { readonly facts: Facts; readonly problem: null } | { readonly facts: null; readonly problem: string };

/** What each service knows about the order. */
export interface OrderFactsOfAll {
  readonly orders: Answer<z.output<typeof OrderDiagnosisRpc.orders.response>>;
  readonly payments: Answer<z.output<typeof OrderDiagnosisRpc.payments.response>>;
  readonly products: Answer<z.output<typeof OrderDiagnosisRpc.products.response>>;
}

/** Dead letters of the saga's services, and whether the list is complete. */
export interface Letters {
  readonly items: readonly DeadLetterView[];
  readonly complete: boolean;
}

/** Timeout of each service; without a response its part is missing. */
const TIMEOUT_MS = 2_000;
/** Each round asks about the events that the previous one has found. An order at rest needs two. */
const MAX_ROUNDS = 4;
/** Most pages of dead letters that are searched per service. */
const MAX_PAGES = 10;

/**
 * Asks all three services in parallel, and again while new events appear that their inboxes were not asked about: only the producer
 * knows the ids of its events.
 * @throws {RemoteProblem} when a service rejects the request
 */
export async function factsOf(rpc: RpcClient, id: string): Promise<OrderFactsOfAll> {
  let asked: readonly string[] = [];
  let known = await askAll(rpc, id, asked);
  for (let round = 2; round <= MAX_ROUNDS; round += 1) {
    const found = eventIdsIn(known);
    if (found.every((eventId) => asked.includes(eventId))) {
      break;
    }
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
  // A service without a response is not asked again in later rounds.
  const ask = <Response extends z.ZodType>(
    contract: RpcContract<typeof OrderDiagnosisRpc.orders.request, Response>,
    earlier?: Answer<z.output<Response>>,
  ): Promise<Answer<z.output<Response>>> | Answer<z.output<Response>> =>
    earlier?.facts === null ? earlier : answerOf(rpc.call(contract, request, { timeoutMs: TIMEOUT_MS }));
  const [orders, payments, products] = await Promise.all([
    ask(OrderDiagnosisRpc.orders, before?.orders),
    ask(OrderDiagnosisRpc.payments, before?.payments),
    ask(OrderDiagnosisRpc.products, before?.products),
  ]);
  return { orders, payments, products };
}

async function answerOf<Facts>(asking: Promise<Facts>): Promise<Answer<Facts>> {
  try {
    return { facts: await asking, problem: null };
  } catch (error) {
    const { status, code } = toProblem(error);
    if (status < 500) {
      throw error;
    }
    return { facts: null, problem: code };
  }
}

/** Ids of the order's events, published or not, that have not been pruned from their producers' outboxes. */
export function eventIdsIn({ orders, payments, products }: OrderFactsOfAll): readonly string[] {
  const facts: readonly (EventFacts | undefined)[] = [orders, payments, products].map((answer) => answer.facts?.events);
  return facts.flatMap((events) => events?.outbox.map(({ id }) => id) ?? []).slice(0, MAX_DIAGNOSED_EVENTS);
}

/** The dead letters of the saga's services; those of an unavailable service, and beyond the bound, are missing. */
export async function lettersOf(rpc: RpcClient): Promise<Letters> {
  const lists = await Promise.all(SagaServices.map((consumer) => lettersOfOne(rpc, consumer)));
  return { items: lists.flatMap(({ items }) => items), complete: lists.every(({ complete }) => complete) };
}

async function lettersOfOne(rpc: RpcClient, consumer: SagaService): Promise<Letters> {
  const items: DeadLetterView[] = [];
  let after = 0;
  for (let page = 1; page <= MAX_PAGES; page += 1) {
    const request = { after, limit: MAX_LISTED_DEAD_LETTERS };
    const { facts } = await answerOf(rpc.call(DeadLetterRpc[consumer].list, request, { timeoutMs: TIMEOUT_MS }));
    if (facts === null) {
      return { items, complete: false };
    }
    items.push(...facts.items);
    const last = facts.items.at(-1);
    if (last === undefined || facts.items.length < MAX_LISTED_DEAD_LETTERS) {
      return { items, complete: true };
    }
    after = partsOfDeadLetterId(last.id).position;
  }
  return { items, complete: false };
}
