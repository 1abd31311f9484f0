import type { WantedLine } from '../shop';

/** What is announced of an order, to whoever listens at that moment. */
export interface OrderEvent {
  readonly orderId: string;
  readonly lines: readonly WantedLine[];
  readonly amountMinor: number;
  readonly currency: string;
}
