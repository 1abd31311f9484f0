// Orders: placed as Pending, ended by events.
import 'reflect-metadata';
import { Controller, Inject, Module } from '@nestjs/common';
import { ClientProxy, EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { InjectRepository } from '@nestjs/typeorm';
import { firstValueFrom } from 'rxjs';
import { Repository } from 'typeorm';
import { CUSTOMER, type OrderedLine, totalOf, type WantedLine } from '../shop';
import { Order } from './entities';
import type { OrderEvent } from './events';
import { BROKER, clientModule, databaseModules, serve } from './service';

/** What products answers of a product. */
interface FoundProduct {
  readonly id: string;
  readonly sku: string;
  readonly name: string;
  readonly price: OrderedLine['unitPrice'];
}

@Controller()
class OrdersController {
  constructor(
    @Inject(BROKER) private readonly broker: ClientProxy,
    @InjectRepository(Order) private readonly orders: Repository<Order>,
  ) {}

  @MessagePattern('orders.list')
  async list(@Payload() limit: number) {
    const orders = await this.orders.find({ where: { customerId: CUSTOMER }, order: { id: 'DESC' }, take: limit });
    return { items: orders.map(viewOf), nextCursor: null };
  }

  @MessagePattern('orders.place')
  async place(@Payload() wanted: WantedLine[]) {
    const ids = wanted.map(({ productId }) => productId);
    const products = await firstValueFrom(this.broker.send<FoundProduct[]>('products.find', ids));
    const lines = wanted.map(({ productId, quantity }) => {
      const product = products.find(({ id }) => id === productId);
      if (product === undefined) {
        throw new RpcException(`There is no product ${productId}`);
      }
      return { productId, sku: product.sku, name: product.name, quantity, unitPrice: product.price };
    });
    const currency = lines[0]?.unitPrice.currency ?? '';
    const order = await this.orders.save(
      this.orders.create({
        customerId: CUSTOMER,
        status: 'Pending',
        reason: null,
        lines,
        totalMinor: totalOf(lines),
        currency,
      }),
    );
    const event: OrderEvent = { orderId: order.id, lines: wanted, amountMinor: order.totalMinor, currency };
    this.broker.emit('order.created', event);
    return viewOf(order);
  }

  @EventPattern('stock.reserved')
  async confirm(@Payload() event: OrderEvent): Promise<void> {
    await this.orders.update({ id: event.orderId }, { status: 'Confirmed', version: 2 });
    this.broker.emit('order.confirmed', event);
  }

  @EventPattern('stock.rejected')
  async cancel(@Payload() event: OrderEvent): Promise<void> {
    await this.orders.update({ id: event.orderId }, { status: 'Canceled', reason: 'out-of-stock', version: 2 });
    this.broker.emit('order.canceled', event);
  }
}

@Module({ imports: [clientModule(), ...databaseModules(Order)], controllers: [OrdersController] })
class OrdersModule {}

const viewOf = ({ id, status, reason, lines, totalMinor, currency, version, createdAt, updatedAt }: Order) => ({
  id,
  status,
  reason,
  lines,
  total: { amountMinor: totalMinor, currency },
  version,
  createdAt,
  updatedAt,
});

await serve(OrdersModule, 'orders');
