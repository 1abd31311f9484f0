import { Module } from '@nestjs/common';
import { Cursors, fromConfig } from '@rookery/platform';
import { TokenSealer } from '@rookery/security';
import { AdmissionModule } from '../admission/admission.module';
import type { OrdersConfig } from '../orders.config';
import { OrderDeadline } from './order-deadline';
import { OrderPlacement } from './order-placement';
import { OrderConsumer } from './order.consumer';
import { OrderRepository } from './order.repository';
import { OrderRpc } from './order.rpc';
import { OrderService } from './order.service';

@Module({
  imports: [AdmissionModule],
  controllers: [OrderRpc, OrderConsumer],
  providers: [
    fromConfig(TokenSealer, (config: OrdersConfig) => new TokenSealer(config.SEALING_KEY)),
    fromConfig(Cursors, (config: OrdersConfig) => new Cursors(config.CURSOR_KEY, 'orders')),
    fromConfig(OrderDeadline, (config: OrdersConfig) => new OrderDeadline(config.ORDER_DEADLINE_SECONDS)),
    OrderPlacement,
    OrderRepository,
    OrderService,
  ],
  exports: [OrderDeadline, OrderRepository],
})
export class OrderModule {}
