import { Module } from '@nestjs/common';
import { fromConfig } from '@rookery/platform';
import { OrderModule } from '../order/order.module';
import type { OrdersConfig } from '../orders.config';
import { Schedule } from '../schedule/schedule';
import { DeadlineSweeper } from './deadline-sweeper';

const sweeping = (config: OrdersConfig, sweeper: DeadlineSweeper): Schedule =>
  new Schedule([
    {
      name: 'end overdue orders',
      pauseMs: config.ORDER_SWEEP_INTERVAL_MS,
      run: (stopping) => sweeper.sweep(stopping),
    },
  ]);

@Module({
  imports: [OrderModule],
  providers: [DeadlineSweeper, fromConfig(Schedule, sweeping, [DeadlineSweeper])],
})
export class DeadlineModule {}
