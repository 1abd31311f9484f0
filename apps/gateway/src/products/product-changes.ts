import { productNotificationSubject, ProductChanged } from '@rookery/contracts';
import type { Nats } from '@rookery/messaging';
import { logger } from '@rookery/platform';
import type { ProductReads } from './product-reads';

/** Every event of a product; a version that is not known yet says at least that something changed. */
const EVENTS = 'events.products.product.>';
const STOCK = productNotificationSubject('*');

/**
 * Listens for changes of products. Every gateway hears every one, by plain subscriptions without guarantee: whenever one may have
 * been missed nothing kept is trusted, and answers are kept for seconds only in any case.
 */
export function listenForChanges({ connection }: Nats, reads: ProductReads): void {
  connection.subscribe(EVENTS, {
    callback: (_error, message) => {
      tell(changeOf(message.string()), reads);
    },
  });
  connection.subscribe(STOCK, {
    callback: (_error, { subject }) => {
      settle(reads.stockChanged(subject.slice(productNotificationSubject('').length)));
    },
  });
  void (async () => {
    for await (const { type } of connection.status()) {
      // After the first nothing is trusted while it cannot be heard, after the second what was said meanwhile is made up for.
      if (type === 'disconnect' || type === 'reconnect' || type === 'slowConsumer') settle(reads.mayHaveChanged());
    }
  })();
}

function tell(productId: string | undefined, reads: ProductReads): void {
  settle(productId === undefined ? reads.mayHaveChanged() : reads.changed(productId));
}

function changeOf(text: string): string | undefined {
  try {
    return ProductChanged.data.parse(JSON.parse(text)).productId;
  } catch {
    return undefined;
  }
}

function settle(work: Promise<void>): void {
  work.catch((error: unknown) => logger.error({ err: error }, 'could not drop what is kept of products'));
}
