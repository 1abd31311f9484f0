import { Module } from '@nestjs/common';
import { Nats } from '@rookery/messaging';
import { UnitOfWork } from '@rookery/persistence';
import { StockChangeNotifier } from './stock-change-notifier';
import { StockRepository } from './stock.repository';

const notifierOver = (unitOfWork: UnitOfWork, nats: Nats): StockChangeNotifier =>
  new StockChangeNotifier(unitOfWork, (subject) => {
    // While disconnected the client buffers messages; by the reconnect the caches are invalid anyway, so drop them.
    if (nats.connected) {
      nats.connection.publish(subject);
    }
  });

@Module({
  providers: [{ provide: StockChangeNotifier, inject: [UnitOfWork, Nats], useFactory: notifierOver }, StockRepository],
  exports: [StockChangeNotifier, StockRepository],
})
export class StockModule {}
