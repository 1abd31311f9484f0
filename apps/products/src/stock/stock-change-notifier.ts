import { productNotificationSubject } from '@rookery/contracts';
import type { UnitOfWork } from '@rookery/persistence';

/** Publishes, after the commit and without guarantee, which products' stock changed, so that caches of them are refreshed. */
export class StockChangeNotifier {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly publish: (subject: string) => void,
  ) {}

  /** Call inside the transaction that changes the stock. */
  changed(productIds: readonly string[]): void {
    this.unitOfWork.afterCommit(() => {
      for (const id of productIds) {
        this.publish(productNotificationSubject(id));
      }
    });
  }
}
