import type { WantedLine } from '../shop';

/** The body of every event about an order. A process that does not listen never gets it. */
export interface OrderEvent {
  readonly orderId: string;
  readonly lines: readonly WantedLine[];
  readonly amountMinor: number;
  readonly currency: string;
}
