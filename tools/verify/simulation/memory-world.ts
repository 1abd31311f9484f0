import { overdue } from '@rookery/devkit/invariants/i1';
import { brokenAlways, brokenAtRest } from '@rookery/devkit/invariants/invariants';
import type { EffectFacts, EventFacts, OrderFacts, Violation, World } from '@rookery/devkit/invariants/world';
import { ORDER_DEADLINE_MS, type SimulatedSystem } from './simulated-system';

const linesOf = (violations: readonly Violation[]): readonly string[] =>
  violations.map(({ invariant, what }) => `${invariant}: ${what}`);

/** The facts of a simulated system, read from its memory when they are asked for. */
export class MemoryWorld implements World {
  readonly maxPendingMs = ORDER_DEADLINE_MS;
  /** An inbox holds only the events that its service handles. */
  readonly hasCompleteInboxes = false;
  readonly poison = [];
  readonly ends = new Map<string, string>();

  constructor(private readonly system: SimulatedSystem) {}

  /** What a step broke. */
  brokenNow(): readonly string[] {
    return linesOf(brokenAlways(this));
  }

  brokenAfterSweep(): readonly string[] {
    return overdue(this).map((what) => `I1: ${what}`);
  }

  brokenAtRest(): readonly string[] {
    const { failures } = this.system;
    return [...failures.map((failure) => `I3: ${failure}`), ...linesOf(brokenAtRest(this))];
  }

  readonly nameOf = (id: string): string =>
    this.system.products.stock.rows.has(id) ? id.slice(-1) : this.system.nameIn(id);

  get orders(): readonly OrderFacts[] {
    const now = this.system.clock.now().getTime();
    return [...this.system.orders.repository.table.rows.values()].map(
      ({ id, status, totalMinor, lines, eventSequence, createdAt }) => ({
        ...{ id, status, totalMinor, lines, eventSequence },
        pendingMs: status === 'Pending' ? now - createdAt.getTime() : undefined,
      }),
    );
  }

  get steps(): World['steps'] {
    return [...this.system.orders.repository.timelines].flatMap(([orderId, events]) =>
      events.map((event) => ({ orderId, event })),
    );
  }

  get payments(): World['payments'] {
    return [...this.system.payments.repository.table.rows.values()].map(({ orderId, status, amountMinor }) => ({
      ...{ orderId, status },
      amountMinor: amountMinor ?? undefined,
    }));
  }

  get charges(): World['charges'] {
    return [...this.system.bank.charges.values()].flatMap(({ orderId, state, amount }) =>
      orderId === null ? [] : [{ orderId, state, amountMinor: amount?.amountMinor ?? 0 }],
    );
  }

  get reservations(): World['reservations'] & object {
    return [...this.system.products.repository.table.rows.values()].map(({ id, status }) => ({ orderId: id, status }));
  }

  get stock(): World['stock'] {
    return [...this.system.products.stock.rows].map(([productId, { initial, ...units }]) => ({
      ...{ productId, supplied: initial },
      ...units,
    }));
  }

  get events(): readonly EventFacts[] {
    const { services, stored } = this.system;
    return services.flatMap(({ outbox }) =>
      [...outbox.rows.values()].map(({ message: { id, name, source, subject, aggregateId }, published }) => ({
        ...{ id, name, aggregateId, producer: source, isPublished: published, isStored: stored.has(id) },
        consumers: services
          .filter((other) => other.name !== source && other.handlers.has(subject))
          .map(({ name: consumer }) => consumer),
      })),
    );
  }

  get effects(): readonly EffectFacts[] {
    return this.system.services.flatMap(({ name: consumer, inbox }) =>
      [...inbox.takings.values()].map(({ id, aggregateId, sequence }) => ({
        consumer,
        eventId: id,
        aggregateId,
        sequence,
      })),
    );
  }

  get deadLetters(): World['deadLetters'] {
    return this.system.deadLetters;
  }
}
