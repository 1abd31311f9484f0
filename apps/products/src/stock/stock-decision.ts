/** The units of one product in an order. */
export interface StockLine {
  readonly productId: string;
  readonly quantity: number;
}

export interface StockLevel {
  readonly available: number;
  readonly archived: boolean;
}

export type StockDecision =
  | { readonly kind: 'reserved' }
  | { readonly kind: 'rejected'; readonly reason: 'out-of-stock' | 'product-unavailable'; readonly productId: string };

/** All or nothing: the first unavailable line rejects the whole order. */
export function judgeReservation(lines: readonly StockLine[], levels: ReadonlyMap<string, StockLevel>): StockDecision {
  for (const { productId, quantity } of lines) {
    const level = levels.get(productId);
    if (!level || level.archived) {
      return { kind: 'rejected', reason: 'product-unavailable', productId };
    }
    if (level.available < quantity) {
      return { kind: 'rejected', reason: 'out-of-stock', productId };
    }
  }
  return { kind: 'reserved' };
}
