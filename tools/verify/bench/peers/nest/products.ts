// The catalog and the stock.
import 'reflect-metadata';
import { Controller, Inject, Module } from '@nestjs/common';
import { ClientProxy, EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { InjectDataSource, InjectRepository } from '@nestjs/typeorm';
import { DataSource, type EntityManager, In, Repository } from 'typeorm';
import type { WantedLine } from '../shop';
import { Product, Reservation } from './entities';
import type { OrderEvent } from './events';
import { BROKER, clientModule, databaseModules, serve } from './service';

@Controller()
class ProductsController {
  constructor(
    @Inject(BROKER) private readonly broker: ClientProxy,
    @InjectDataSource() private readonly database: DataSource,
    @InjectRepository(Product) private readonly products: Repository<Product>,
    @InjectRepository(Reservation) private readonly reservations: Repository<Reservation>,
  ) {}

  @MessagePattern('products.list')
  async list(@Payload() { category, limit }: { category: string; limit: number }) {
    const products = await this.products.find({ where: { category }, order: { name: 'ASC', id: 'ASC' }, take: limit });
    return { items: products.map(viewOf), nextCursor: null };
  }

  @MessagePattern('products.get')
  async get(@Payload() id: string) {
    const product = await this.products.findOneBy({ id });
    return product === null ? null : viewOf(product);
  }

  @MessagePattern('products.find')
  async find(@Payload() ids: string[]) {
    return (await this.products.findBy({ id: In(ids) })).map(viewOf);
  }

  @EventPattern('payment.reserved')
  async reserve(@Payload() event: OrderEvent): Promise<void> {
    const { orderId, lines } = event;
    const reserved = await this.database.transaction(async (manager) => {
      if (!(await taken(manager, lines))) {
        return false;
      }
      await manager.insert(Reservation, { orderId, lines: [...lines], status: 'Reserved' });
      return true;
    });
    this.broker.emit(reserved ? 'stock.reserved' : 'stock.rejected', event);
  }

  @EventPattern('order.confirmed')
  async ship(@Payload() { orderId }: OrderEvent): Promise<void> {
    await this.reservations.update({ orderId }, { status: 'Shipped' });
  }
}

@Module({ imports: [clientModule(), ...databaseModules(Product, Reservation)], controllers: [ProductsController] })
class ProductsModule {}

/** Whether every line could be taken; else the caller's transaction must not be committed. */
async function taken(manager: EntityManager, lines: readonly WantedLine[]): Promise<boolean> {
  const products = await manager.find(Product, {
    where: { id: In(lines.map(({ productId }) => productId)) },
    order: { id: 'ASC' },
    lock: { mode: 'pessimistic_write' },
  });
  const isThere = ({ productId, quantity }: WantedLine): boolean =>
    products.some(({ id, available }) => id === productId && available >= quantity);
  if (!lines.every(isThere)) {
    return false;
  }
  for (const { productId, quantity } of lines) {
    await manager.decrement(Product, { id: productId }, 'available', quantity);
  }
  return true;
}

const viewOf = ({ priceMinor, currency, available, ...product }: Product) => ({
  ...product,
  price: { amountMinor: priceMinor, currency },
  stock: { available },
});

await serve(ProductsModule, 'products');
