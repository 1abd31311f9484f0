import type { OrderStatus } from '@rookery/contracts';
import type { Placement } from '../client/retrying-load';

export interface OrderFacts {
  readonly id: string;
  readonly status: OrderStatus;
  readonly totalMinor: number;
  readonly lines: readonly { readonly productId: string; readonly quantity: number }[];
  /** How many events the order has recorded. */
  readonly eventSequence: number;
  /** From its creation to its end, or to now; undefined where the world does not measure it. */
  readonly pendingMs: number | undefined;
}

export interface StockFacts {
  readonly productId: string;
  /** Initial stock and adjustments. */
  readonly supplied: number;
  readonly available: number;
  readonly reserved: number;
  readonly sold: number;
}

/** An event in its producer's outbox. */
export interface EventFacts {
  readonly id: string;
  readonly name: string;
  readonly producer: string;
  readonly aggregateId: string;
  readonly isPublished: boolean;
  /** In its stream. */
  readonly isStored: boolean;
  /** Services whose inbox must hold it once everything rests. */
  readonly consumers: readonly string[];
}

/** A row of a consumer's inbox. */
export interface EffectFacts {
  readonly consumer: string;
  readonly eventId: string;
  readonly aggregateId: string;
  readonly sequence: number;
}

/** An event that no consumer can handle, and the consumers that were given it. */
export interface Poison {
  readonly id: string;
  readonly consumers: readonly string[];
}

/** What the customers know. */
export interface History {
  readonly placements: readonly Placement[];
  /** Order ids by idempotency key, as orders stored them. */
  readonly orderIdByKey: ReadonlyMap<string, string>;
}

/** The facts of one system, from the rows of its databases or from the memory of the simulation. */
export interface World {
  readonly orders: readonly OrderFacts[];
  /** An order that waits longer breaks I1. */
  readonly maxPendingMs: number;
  /** The orders' timelines. */
  readonly steps: readonly { readonly orderId: string; readonly event: string }[];
  readonly payments: readonly {
    readonly orderId: string;
    readonly status: string;
    readonly amountMinor: number | undefined;
  }[];
  /** The provider's ledger. */
  readonly charges: readonly { readonly orderId: string; readonly state: string; readonly amountMinor: number }[];
  /** Undefined where they are not read. */
  readonly reservations?: readonly { readonly orderId: string; readonly status: string }[];
  readonly stock: readonly StockFacts[];
  readonly events: readonly EventFacts[];
  /** In the order in which each consumer applied them. */
  readonly effects: readonly EffectFacts[];
  /** An inbox also holds the events that its service does not handle, so it has no gaps. */
  readonly hasCompleteInboxes: boolean;
  readonly deadLetters: readonly { readonly consumer: string; readonly eventId: string }[];
  readonly poison: readonly Poison[];
  /** Undefined where no customer keeps one. */
  readonly history?: History;
  /** Log files whose text must hold none of `secrets`; read one by one. */
  readonly logs?: () => Iterable<{ readonly file: string; readonly text: string }>;
  readonly secrets?: readonly string[];
  /** How each order ended when it was last looked at; I8 keeps it. */
  readonly ends: Map<string, string>;
  /** For reports: an order or product by a short name. */
  readonly nameOf: (id: string) => string;
}

/** What must be true whatever fails. Each check returns what it found broken. */
export interface Invariant {
  readonly id: string;
  /** As docs/invariants.md states it. */
  readonly statement: string;
  /** Why it is worth a check. */
  readonly rationale: string;
  /** Holds once the load has ended and nothing moves any more. */
  readonly atRest: (world: World) => readonly string[];
  /** Holds at every moment, also between two steps of the saga. */
  readonly always?: (world: World) => readonly string[];
}

export interface Violation {
  readonly invariant: string;
  readonly what: string;
}

export const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

export const quoted = (order: OrderFacts, { nameOf }: World): string => `order ${nameOf(order.id)} (${order.status})`;
