import { Module } from '@nestjs/common';
import { Nats } from '@rookery/messaging';
import { UnitOfWork } from '@rookery/persistence';
import { StockChangeNotifier } from './stock-change-notifier';
import { StockRepository } from './stock.repository';

const notifierOver = (unitOfWork: UnitOfWork, nats: Nats): StockChangeNotifier =>
  new StockChangeNotifier(unitOfWork, (subject) => nats.notify(subject));

@Module({
  providers: [{ provide: StockChangeNotifier, inject: [UnitOfWork, Nats], useFactory: notifierOver }, StockRepository],
  exports: [StockChangeNotifier, StockRepository],
})
export class StockModule {}
