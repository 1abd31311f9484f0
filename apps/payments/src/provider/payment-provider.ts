import type { DataOf, Money, PaymentFailed, RecordRange } from '@rookery/contracts';

/** The reason of a declined authorization. */
export type FailureReason = DataOf<typeof PaymentFailed>['reason'];

export type Authorization =
  { readonly kind: 'authorized' } | { readonly kind: 'declined'; readonly reason: FailureReason };

export interface AuthorizationRequest {
  readonly key: string;
  /** In clear: never logged, never stored. */
  readonly token: string;
  readonly amount: Money;
  /** Shown by the provider beside the charge. */
  readonly orderId: string;
}

export interface ChargeRequest {
  readonly key: string;
  /** Key of the authorization that this captures, voids or refunds. */
  readonly authorizationKey: string;
}

/** One charge in the provider's own books. */
export interface LedgerEntry {
  /** The order that was shown beside the charge. */
  readonly orderId: string;
  readonly state: 'declined' | 'authorized' | 'voided' | 'captured' | 'refunded';
  readonly amount: Money;
}

/**
 * The provider of card payments. Every operation is idempotent by its key: a repeated call with the same key has one effect and
 * the same answer. A rejected promise means an unknown outcome, not that nothing happened.
 */
export abstract class PaymentProvider {
  /** Holds the amount, or declines finally. */
  abstract authorize(request: AuthorizationRequest, signal: AbortSignal): Promise<Authorization>;
  /** Takes the held amount. */
  abstract capture(request: ChargeRequest, signal: AbortSignal): Promise<void>;
  /** Cancels an authorization, also one that has not arrived yet: afterwards its key never charges. */
  abstract void(request: ChargeRequest, signal: AbortSignal): Promise<void>;
  /** Gives the captured amount back. */
  abstract refund(request: ChargeRequest, signal: AbortSignal): Promise<void>;
  /** The outcome of an authorization whose answer was lost; null when the provider never received it. */
  abstract find(authorizationKey: string, signal: AbortSignal): Promise<Authorization | null>;
  /** All charges of the first `limit` orders of a range that have any, in the order of the orders' ids. */
  abstract ledger(range: RecordRange, signal: AbortSignal): Promise<readonly LedgerEntry[]>;
}
