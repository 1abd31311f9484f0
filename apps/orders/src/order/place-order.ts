import { Injectable } from '@nestjs/common';
import { OrdersRpc, OrderView, type PlaceOrder, type ProblemDetail, ProductsRpc } from '@rookery/contracts';
import { RpcClient } from '@rookery/messaging';
import { IdempotencyStore, UnitOfWork } from '@rookery/persistence';
import { type Actor, type KeyedAnswer, keyedRequest, uuidv7 } from '@rookery/platform';
import { TokenSealer } from '@rookery/security';
import { OrderDeadline } from '../deadline/order-deadline';
import { IntakeGate } from '../intake/intake-gate';
import { Order, type OrderLine, totalOf } from './order.entity';
import { ProductUnavailable, TotalChanged } from './order.errors';
import { OrderRepository } from './order.repository';
import { toOrderView } from './order.view';

/** What an order takes from outside of its transaction. */
interface PreparedOrder {
  readonly lines: readonly OrderLine[];
  readonly sealedPaymentToken: string;
}

/** Places an order once per idempotency key. */
@Injectable()
export class OrderPlacement {
  constructor(
    private readonly orders: OrderRepository,
    private readonly requests: IdempotencyStore,
    private readonly unitOfWork: UnitOfWork,
    private readonly rpc: RpcClient,
    private readonly sealer: TokenSealer,
    private readonly deadline: OrderDeadline,
    private readonly intake: IntakeGate,
  ) {}

  /** Throws OrdersNotTaken (503) while those that were begun have to go first; what was placed before is answered nevertheless. */
  async place(request: PlaceOrder, customer: Actor): Promise<KeyedAnswer<OrderView>> {
    const placed = await this.requests.onceAfter(
      keyedRequest(OrdersRpc.place, request, { answer: OrderView }),
      () => this.prepare(request),
      (prepared) => this.store(customer.subject, prepared),
    );
    if (!placed.replayed) this.intake.taken();
    return placed;
  }

  /** Another service's answer and the sealing come before the transaction: nothing waits while it holds locks. */
  private async prepare(request: PlaceOrder): Promise<PreparedOrder> {
    this.intake.admit();
    const lines = await this.quoteLines(request);
    refuseOtherTotal(request.expectedTotal, lines);
    return { lines, sealedPaymentToken: await this.sealer.seal(request.paymentToken) };
  }

  /** The order, its event and its first step: all of them, with the answer to replay, or none. */
  private async store(customerId: string, prepared: PreparedOrder): Promise<OrderView> {
    const now = await this.unitOfWork.now();
    // An order's id says when it was placed: by the same clock as everything that is compared with it.
    const id = uuidv7({ msecs: now.getTime() });
    const order = Order.place({ id, customerId, deadlineAt: this.deadline.after(now), ...prepared });
    await this.orders.add(order);
    return toOrderView(order);
  }

  /** Names and prices as they are now; the order keeps them. */
  private async quoteLines(request: PlaceOrder): Promise<readonly OrderLine[]> {
    const productIds = request.lines.map((line) => line.productId.toLowerCase());
    const { quotes } = await this.rpc.call(ProductsRpc.quote, { productIds });
    const quoteOf = new Map(quotes.map((quote) => [quote.productId, quote]));

    const lines: OrderLine[] = [];
    const missing: ProblemDetail[] = [];
    for (const [index, { productId, quantity }] of request.lines.entries()) {
      const quote = quoteOf.get(productId.toLowerCase());
      if (quote) lines.push({ ...quote, quantity });
      else missing.push({ pointer: `/lines/${index}/productId`, detail: 'is not in the catalogue' });
    }
    if (missing.length > 0) throw new ProductUnavailable(missing);
    return lines;
  }
}

/** Prices may have changed since the customer saw them. */
function refuseOtherTotal(expected: PlaceOrder['expectedTotal'], lines: readonly OrderLine[]): void {
  if (expected === undefined) return;
  const total = totalOf(lines);
  if (total.amountMinor !== expected.amountMinor || total.currency !== expected.currency)
    throw new TotalChanged(expected, total);
}
