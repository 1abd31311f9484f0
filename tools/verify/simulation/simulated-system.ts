import { setImmediate as turn } from 'node:timers/promises';
import { eventContracts, eventEdges, type Service } from '@rookery/contracts';
import { PermanentFailure } from '@rookery/messaging';
import { type Actor, contextFrom, runInContext, uuidv7 } from '@rookery/platform';
import { Order } from '../../../apps/orders/src/order/order.entity';
import { OrderNotCancellable } from '../../../apps/orders/src/order/order.errors';
import type { Attempt } from '../../../apps/payments/src/payment/payment-attempts';
import { LEASE_MS } from '../../../apps/payments/src/payment/payment.worker';
import { Bank, type Hop } from './bank';
import { type Circumstances, type Delivery, productId, productName, type Wish } from './circumstances';
import { Crash, type CrashPoint, type Outgoing, SimulatedClock } from './memory-database';
import { ordersService, parts, paymentsService, productsService, type SimulatedService } from './services';

export const ORDER_DEADLINE_MS = 60_000;
const customer: Actor = { subject: 'alice', issuer: 'saga', clientId: null, scopes: [], roles: [] };
const eventsByName = new Map(eventContracts.map((contract) => [contract.name, contract]));

/** The three services of the saga, the broker between them, the bank and the customers: everything moves only step by step. */
export class SimulatedSystem {
  readonly clock = new SimulatedClock();
  readonly bank = new Bank((text) => this.nameIn(text));
  readonly orders;
  readonly payments;
  readonly products;
  readonly placed: string[] = [];
  /** What every stream has stored, by the event's id. */
  readonly stored = new Map<string, Delivery['event']>();
  readonly deadLetters: { readonly consumer: string; readonly eventId: string }[] = [];
  /** Operations of payments that came to no end, against what the bank promises. */
  readonly failures: string[] = [];
  deliveries: readonly Delivery[] = [];

  constructor({ units, mutant = {} }: Circumstances) {
    const replaced = { ...parts, ...mutant };
    this.orders = ordersService(this.clock, replaced);
    this.payments = paymentsService(this.clock, this.bank, replaced);
    const stock = Object.fromEntries(units.map((count, index) => [productId(index), count]));
    this.products = productsService(this.clock, stock, replaced);
  }

  get services(): readonly SimulatedService[] {
    return [this.orders, this.payments, this.products];
  }

  /** Nothing is on its way, nothing is due and no order waits for anything. */
  get isAtRest(): boolean {
    const rows = this.services.flatMap(({ outbox }) => [...outbox.rows.values()]);
    const orders = [...this.orders.repository.table.rows.values()];
    const payments = [...this.payments.repository.table.rows.values()];
    return (
      this.deliveries.length === 0 &&
      this.bank.hops.length === 0 &&
      rows.every(({ published }) => published) &&
      orders.every(({ isTerminal }) => isTerminal) &&
      payments.every(({ operation }) => operation === null)
    );
  }

  /** The letter of an order. */
  nameOf(orderId: string): string {
    return String.fromCharCode(65 + this.placed.indexOf(orderId));
  }

  async place({ quantities, token }: Wish): Promise<string> {
    const lines = quantities.map(({ product, quantity }) => {
      const name = productName(product);
      return {
        productId: productId(product),
        sku: name,
        name,
        quantity,
        unitPrice: { amountMinor: 100 + product, currency: 'EUR' },
      };
    });
    const deadlineAt = new Date(this.clock.now().getTime() + ORDER_DEADLINE_MS);
    const id = uuidv7();
    this.placed.push(id);
    await this.orders.repository.add(
      Order.place({ id, customerId: customer.subject, lines, sealedPaymentToken: token, deadlineAt }),
    );
    return id;
  }

  /** Returns whether it was not too late. */
  async cancel(orderId: string, crash?: CrashPoint): Promise<string> {
    try {
      return await this.crashing(this.orders, crash, async () => {
        await this.orders.orders.cancel(orderId, customer);
        return 'canceled';
      });
    } catch (error) {
      if (error instanceof OrderNotCancellable) {
        return 'too late';
      }
      throw error;
    }
  }

  sweep(crash?: CrashPoint): Promise<string> {
    return this.crashing(this.orders, crash, async () => {
      await this.orders.sweeper.sweep();
      return 'done';
    });
  }

  /** The relay publishes a row of the outbox; a crash before it is marked has it published again. */
  publish(service: SimulatedService, { message }: Outgoing, mark: boolean): void {
    const { name, data: text, ...rest } = message;
    const data = eventsByName.get(name)?.data.parse(JSON.parse(text));
    const event = { ...rest, name, data };
    this.stored.set(event.id, event);
    const consumers = this.services.filter((other) => eventEdges[other.name]?.some((from) => from === service.name));
    const takers = consumers.filter(({ handlers }) => handlers.has(event.subject));
    const about = this.nameIn(text);
    this.deliveries = [
      ...this.deliveries,
      ...takers.map(({ name: consumer }) => ({ consumer, event, about, again: false })),
    ];
    if (mark) {
      service.outbox.mark(event.id);
    }
  }

  /** The handler gets the event; it is acknowledged only when that went well, and `again` brings it once more later. */
  async deliver(
    delivery: Delivery,
    { crash, again = false }: { crash?: CrashPoint | undefined; again?: boolean } = {},
  ): Promise<string> {
    const service = this.serviceOf(delivery.consumer);
    const { subject, ...event } = delivery.event;
    const handler = service.handlers.get(subject);
    const { correlationId, traceparent } = event;
    const context = {
      ...contextFrom({ correlationId, traceparent: traceparent ?? undefined }),
      causationId: event.id,
    };
    const ended = await this.crashing(service, crash, async () => {
      try {
        await runInContext(context, () => handler?.({ ...event, attempt: 1, skipsGap: false }));
        return 'taken';
      } catch (error) {
        if (error instanceof Crash) {
          throw error;
        }
        const reason = error instanceof Error ? error.message : String(error);
        if (!(error instanceof PermanentFailure)) {
          return `failed: ${reason}`;
        }
        this.deadLetters.push({ consumer: service.name, eventId: `${event.name} of ${delivery.about}: ${reason}` });
        return 'dead letter';
      }
    });
    if (ended === 'taken' || ended === 'dead letter') {
      this.deliveries = this.deliveries.filter((other) => other !== delivery);
      if (again) {
        this.deliveries = [...this.deliveries, { ...delivery, again: true }];
      }
    }
    return ended;
  }

  /** The worker of payments takes up what is due. Each operation stops at its first hop to the bank. */
  async claim(limit: number): Promise<number> {
    const attempts = await this.payments.attempts.claim(limit, LEASE_MS);
    for (const attempt of attempts) {
      void this.execute(attempt);
    }
    await turn();
    return attempts.length;
  }

  /** Something on the line to the bank arrives or is lost; its waiter continues as far as it can. */
  async move(
    hop: Hop,
    { isLost = false, crash }: { isLost?: boolean; crash?: CrashPoint | undefined } = {},
  ): Promise<void> {
    this.payments.database.crashAt(crash);
    if (isLost) {
      hop.lose();
    } else {
      hop.goOn();
    }
    await turn();
    this.payments.database.crashAt(undefined);
  }

  serviceOf(name: Service): SimulatedService {
    const service = this.services.find((other) => other.name === name);
    if (!service) {
      throw new Error(`${name} takes no part in the saga`);
    }
    return service;
  }

  /** Which order a text with ids tells of. */
  nameIn(text: string): string {
    const payment = [...this.payments.repository.table.rows.values()].find(({ id }) => text.includes(id));
    return this.nameOf(payment?.orderId ?? this.placed.find((id) => text.includes(id)) ?? '');
  }

  private async execute(attempt: Attempt): Promise<void> {
    try {
      await this.payments.operator.execute(attempt);
    } catch (error) {
      if (error instanceof Crash) {
        this.bank.forgetAsker();
      } else {
        this.failures.push(`${attempt.operation}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }

  private async crashing(
    service: SimulatedService,
    point: CrashPoint | undefined,
    work: () => Promise<string>,
  ): Promise<string> {
    service.database.crashAt(point);
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Crash)) {
        throw error;
      }
      // The other work in progress of the process is lost with it.
      if (service.name === 'payments') {
        this.bank.forgetAsker();
      }
      return 'crashed';
    } finally {
      service.database.crashAt(undefined);
    }
  }
}
