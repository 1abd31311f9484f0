import { ProductChanged, productNotificationSubject } from '@rookery/contracts';
import type { Nats } from '@rookery/messaging';
import { logger } from '@rookery/platform';
import type { ProductCache } from './product-cache';

/** Every event of a product. A version that is not known yet still says that something changed. */
const EVENTS = 'events.products.product.>';
const STOCK = productNotificationSubject('*');

/**
 * Invalidates the cache when products change. Every gateway subscribes to every change without delivery guarantee. So whenever a
 * change notification may have been missed, the whole cache is invalidated; in any case an entry is
 * served as fresh only for PRODUCT_CACHE_SECONDS.
 */
export function invalidateOnChanges({ connection }: Nats, cache: ProductCache): void {
  connection.subscribe(EVENTS, {
    callback: (_error, message) => {
      const productId = changedProduct(message.string());
      logFailure(productId === undefined ? cache.invalidateAll() : cache.invalidateProduct(productId));
    },
  });
  connection.subscribe(STOCK, {
    callback: (_error, { subject }) => {
      logFailure(cache.invalidateStock(subject.slice(productNotificationSubject('').length)));
    },
  });
  void (async () => {
    for await (const { type } of connection.status()) {
      // On a disconnect nothing is valid while changes cannot be heard; on a reconnect those of the meantime have been missed.
      if (type === 'disconnect' || type === 'reconnect' || type === 'slowConsumer') {
        logFailure(cache.invalidateAll());
      }
    }
  })();
}

function changedProduct(text: string): string | undefined {
  try {
    return ProductChanged.data.parse(JSON.parse(text)).productId;
  } catch {
    return undefined;
  }
}

function logFailure(work: Promise<void>): void {
  work.catch((error: unknown) => logger.error({ err: error }, 'could not invalidate the product cache'));
}
