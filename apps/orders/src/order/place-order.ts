import { Injectable } from '@nestjs/common';
import { OrdersRpc, OrderView, type PlaceOrder, type ProblemDetail, ProductsRpc } from '@rookery/contracts';
import { RpcClient } from '@rookery/messaging';
import { UnitOfWork } from '@rookery/persistence';
import { type Actor, uuidv7 } from '@rookery/platform';
import { TokenSealer } from '@rookery/security';
import { OrderDeadline } from '../deadline/order-deadline';
import { IdempotencyKeyInUse } from '../idempotency/idempotency.errors';
import { IdempotencyStore, type KeyedRequest, keyedRequest } from '../idempotency/idempotency.store';
import { IntakeGate } from '../intake/intake-gate';
import { Order, type OrderLine } from './order.entity';
import { ProductUnavailable } from './order.errors';
import { OrderRepository } from './order.repository';
import { toOrderView } from './order.view';

export interface PlacedOrder {
  readonly order: OrderView;
  /** This is the first answer again: the key had been used before. */
  readonly replayed: boolean;
}

/** Places an order once per idempotency key. */
@Injectable()
export class OrderPlacement {
  constructor(
    private readonly orders: OrderRepository,
    private readonly keys: IdempotencyStore,
    private readonly unitOfWork: UnitOfWork,
    private readonly rpc: RpcClient,
    private readonly sealer: TokenSealer,
    private readonly deadline: OrderDeadline,
    private readonly intake: IntakeGate,
  ) {}

  /** Throws OrdersNotTaken (503) while those that were begun have to go first; what was placed before is answered nevertheless. */
  async place(request: PlaceOrder, customer: Actor, key: string | undefined): Promise<PlacedOrder> {
    const keyed = keyedRequest(customer, key, OrdersRpc.place.subject, request);
    const earlier = await this.keys.find(keyed);
    if (earlier !== null) return replay(earlier);
    this.intake.admit();

    // Another service's answer and the sealing come before the transaction: nothing waits while it holds locks.
    const lines = await this.quoteLines(request);
    const sealedPaymentToken = await this.sealer.seal(request.paymentToken);

    try {
      const order = await this.store(keyed, customer.subject, lines, sealedPaymentToken);
      this.intake.taken();
      return { order, replayed: false };
    } catch (error) {
      if (!(error instanceof IdempotencyKeyInUse)) throw error;
      const first = await this.keys.find(keyed);
      if (first === null) throw error;
      return replay(first);
    }
  }

  /** The order, its event, its first step and the answer to replay: all of them or none. */
  private store(
    keyed: KeyedRequest,
    customerId: string,
    lines: readonly OrderLine[],
    sealedPaymentToken: string,
  ): Promise<OrderView> {
    return this.unitOfWork.run(async (tx) => {
      const now = await this.unitOfWork.now();
      const deadlineAt = this.deadline.after(now);
      // An order's id says when it was placed: by the same clock as everything that is compared with it.
      const id = uuidv7({ msecs: now.getTime() });
      const order = Order.place({ id, customerId, lines, sealedPaymentToken, deadlineAt });
      await this.orders.add(order);
      const view = toOrderView(order);
      if (!(await this.keys.claim(tx, keyed, JSON.stringify(view)))) throw new IdempotencyKeyInUse();
      return view;
    });
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

const replay = (response: string): PlacedOrder => ({ order: OrderView.parse(JSON.parse(response)), replayed: true });
