import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { z } from 'zod';
import {
  type OrderStatus,
  reachOf,
  ReconciliationRpc,
  type RecordRange,
  type RpcContract,
  type UnbalancedStock,
} from '@rookery/contracts';
import { RpcClient } from '@rookery/messaging';
import { DeadlineExceeded, ServiceUnavailable } from '@rookery/platform';
import type { OrderLine } from '../order/order.entity';
import type { RecordedOrder, Records } from './compare';

interface OrderRow {
  readonly id: string;
  readonly status: OrderStatus;
  readonly totalMinor: string;
  readonly currency: string;
  readonly lines: readonly OrderLine[];
  readonly deadlineAt: Date;
  readonly changedAt: Date;
}

interface CheckedStock {
  readonly products: number;
  readonly total: number;
  readonly items: readonly UnbalancedStock[];
}

/** Reads the records of the three services. @throws {ServiceUnavailable} naming the service that does not respond */
@Injectable()
export class OrderRecords {
  constructor(
    private readonly dataSource: DataSource,
    private readonly rpc: RpcClient,
  ) {}

  /** The records of a range of orders, up to `upTo`, which all three answers reach. The services are queried in parallel. */
  async read(range: RecordRange): Promise<Records & { readonly upTo: string }> {
    const [orders, payments, reservations] = await Promise.all([
      this.orders(range),
      this.ask(ReconciliationRpc.payments, range),
      this.ask(ReconciliationRpc.reservations, range),
    ]);
    const ids = orders.map(({ id }) => id);
    const [upTo = range.upTo] = [reachOf(range, ids), payments.upTo, reservations.upTo].toSorted();
    return {
      upTo,
      orders: orders.filter(({ id }) => id <= upTo),
      payments: payments.items.filter(({ orderId }) => orderId <= upTo),
      reservations: reservations.items.filter(({ orderId }) => orderId <= upTo),
    };
  }

  /** The check of the stock of all products: how many there are, how many do not add up, and the first of these. */
  stock(limit: number): Promise<CheckedStock> {
    return this.ask(ReconciliationRpc.stock, { limit });
  }

  private async ask<Request extends z.ZodType, Response extends z.ZodType>(
    contract: RpcContract<Request, Response>,
    body: z.input<Request>,
  ): Promise<z.output<Response>> {
    try {
      return await this.rpc.call(contract, body);
    } catch (error) {
      if (!(error instanceof ServiceUnavailable || error instanceof DeadlineExceeded)) {
        throw error;
      }
      throw new ServiceUnavailable(`${contract.service} does not respond.`, undefined, { cause: error });
    }
  }

  private async orders({ after, upTo, limit }: RecordRange): Promise<readonly RecordedOrder[]> {
    const rows = await this.dataSource.query<OrderRow[]>(
      `SELECT id, status, total_minor AS "totalMinor", currency, lines, deadline_at AS "deadlineAt", updated_at AS "changedAt"
       FROM orders WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3`,
      [after, upTo, limit],
    );
    return rows.map(({ totalMinor, currency, ...row }) => ({
      ...row,
      total: { amountMinor: Number(totalMinor), currency },
    }));
  }
}
