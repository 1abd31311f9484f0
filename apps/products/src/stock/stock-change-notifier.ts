import { productNotificationSubject } from '@rookery/contracts';
import type { UnitOfWork } from '@rookery/persistence';

/** Tells, after the commit and without guarantee, whose stock has changed: whoever keeps what he read of them reads again. */
export class StockChangeNotifier {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly publish: (subject: string) => void,
  ) {}

  /** To be called inside the transaction that changes the stock. */
  changed(productIds: readonly string[]): void {
    this.unitOfWork.afterCommit(() => {
      for (const id of productIds) this.publish(productNotificationSubject(id));
    });
  }
}
