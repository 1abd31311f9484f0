import { Module } from '@nestjs/common';
import { StockModule } from '../stock/stock.module';
import { ReservationConsumer } from './reservation.consumer';
import { ReservationRepository } from './reservation.repository';
import { ReservationService } from './reservation.service';

@Module({
  imports: [StockModule],
  controllers: [ReservationConsumer],
  providers: [ReservationRepository, ReservationService],
})
export class ReservationModule {}
