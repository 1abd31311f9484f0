import { Injectable } from '@nestjs/common';
import { OrdersRpc, OrderView, type PlaceOrder, type ProblemDetail, ProductsRpc } from '@rookery/contracts';
import { RpcClient } from '@rookery/messaging';
import { IdempotencyStore, UnitOfWork } from '@rookery/persistence';
import { type Actor, type KeyedAnswer, keyedRequest, uuidv7 } from '@rookery/platform';
import { TokenSealer } from '@rookery/security';
import { AdmissionGate } from '../admission/admission-gate';
import { OrderDeadline } from './order-deadline';
import { Order, type OrderLine, totalOf } from './order.entity';
import { ProductUnavailable, TotalChanged } from './order.errors';
import { OrderRepository } from './order.repository';
import { toOrderView } from './order.view';

/** What an order needs from outside its transaction. */
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
    private readonly admission: AdmissionGate,
  ) {}

  /**
   * Replays the answer to a known key even while new orders are refused.
   * @throws {OrdersOverloaded} while orders in progress go first
   */
  async place(request: PlaceOrder, customer: Actor): Promise<KeyedAnswer<OrderView>> {
    const placed = await this.requests.onceAfter(
      keyedRequest(OrdersRpc.place, request, { answer: OrderView }),
      () => this.prepare(request),
      (prepared) => this.store(customer.subject, prepared),
    );
    if (!placed.replayed) {
      this.admission.admitted();
    }
    return placed;
  }

  /** The quotes and the sealing come before the transaction, which therefore holds no locks while it waits. */
  private async prepare(request: PlaceOrder): Promise<PreparedOrder> {
    this.admission.admit();
    const lines = await this.quoteLines(request);
    rejectChangedTotal(request.expectedTotal, lines);
    return { lines, sealedPaymentToken: await this.sealer.seal(request.paymentToken) };
  }

  /** Stores the order, its event, its first step and the answer to replay: all or none. */
  private async store(customerId: string, prepared: PreparedOrder): Promise<OrderView> {
    const now = await this.unitOfWork.now();
    // The id carries the time of placing, so it uses the same clock as everything compared with it.
    const id = uuidv7({ msecs: now.getTime() });
    const order = Order.place({ id, customerId, deadlineAt: this.deadline.after(now), ...prepared });
    await this.orders.add(order);
    return toOrderView(order);
  }

  /** The current names and prices, which the order keeps. */
  private async quoteLines(request: PlaceOrder): Promise<readonly OrderLine[]> {
    const productIds = request.lines.map((line) => line.productId.toLowerCase());
    const { quotes } = await this.rpc.call(ProductsRpc.quote, { productIds });
    const quoteOf = new Map(quotes.map((quote) => [quote.productId, quote]));

    const lines: OrderLine[] = [];
    const missing: ProblemDetail[] = [];
    for (const [index, { productId, quantity }] of request.lines.entries()) {
      const quote = quoteOf.get(productId.toLowerCase());
      if (quote) {
        lines.push({ ...quote, quantity });
      } else {
        missing.push({ pointer: `/lines/${index}/productId`, detail: 'is not in the catalog' });
      }
    }
    if (missing.length > 0) {
      throw new ProductUnavailable(missing);
    }
    return lines;
  }
}

/** Prices may have changed since the customer saw them. */
function rejectChangedTotal(expected: PlaceOrder['expectedTotal'], lines: readonly OrderLine[]): void {
  if (expected === undefined) {
    return;
  }
  const total = totalOf(lines);
  if (total.amountMinor !== expected.amountMinor || total.currency !== expected.currency) {
    throw new TotalChanged(expected, total);
  }
}
