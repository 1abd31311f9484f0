import type { Difference, Service } from '@rookery/contracts';
import type { Violation } from '@rookery/devkit/invariants/world';

/** The state at the end of a restore test. */
export interface Findings {
  readonly service: Service;
  readonly cameToRest: boolean;
  readonly violations: readonly Violation[];
  readonly differences: readonly Difference[];
  /** Ids of the orders that were promised and are not there; the report names them. */
  readonly lost: ReadonlySet<string>;
  readonly orders: readonly {
    readonly id: string;
    readonly lines: readonly { readonly productId: string; readonly quantity: number }[];
  }[];
}

export interface Verdict {
  /** Promises that did not hold. */
  readonly broken: readonly string[];
  /**
   * Confirmed orders whose units went to others: stock that runs out may be given away otherwise when products decides a second time.
   * `reconcile` names each; somebody has to find units or refund.
   */
  readonly undeliverable: readonly string[];
}

/**
 * What must hold for every order that is there. The other invariants tell of what was forgotten: a service that has lost its newest facts
 * states them a second time, under new ids, and the answers under idempotency keys are gone (I5-I7, I10); lost orders (I2) are named.
 */
const KEPT = new Set(['I1', 'I3', 'I4', 'I8', 'I9', 'I11', 'I12', 'answers']);

/** What was broken, without what the report names for a person to act on. */
export function verdictOf(findings: Findings): Verdict {
  const { service, cameToRest, violations, differences, lost } = findings;
  const undeliverable =
    service === 'products'
      ? differences.flatMap(({ kind, orderId }) =>
          kind === 'reservation-missing' && orderId !== null ? [orderId] : [],
        )
      : [];
  const named = new Set([...lost, ...undeliverable]);
  const isExplained = explainedBy(findings, new Set(undeliverable));
  const broken = [
    ...(cameToRest ? [] : ['not everything came to rest']),
    ...violations
      .filter((violation) => KEPT.has(violation.invariant) && !isExplained(violation))
      .map(({ invariant, what }) => `${invariant}: ${what}`),
    ...differences
      .filter(({ orderId }) => orderId === null || !named.has(orderId))
      .map(({ kind, orderId, productId }) => `reconcile: ${kind} of ${orderId ?? productId ?? ''}`),
  ];
  return { broken, undeliverable };
}

/** An order that cannot be delivered explains its own unsold units and one dead letter of products, and nothing else. */
function explainedBy({ violations, orders }: Findings, undeliverable: ReadonlySet<string>) {
  const missing = new Map<string, number>();
  for (const { id, lines } of orders) {
    if (!undeliverable.has(id)) {
      continue;
    }
    for (const { productId, quantity } of lines) {
      missing.set(productId, (missing.get(productId) ?? 0) + quantity);
    }
  }
  const letters = violations.filter(isLetterOfProducts).length;
  return (violation: Violation): boolean => {
    if (isLetterOfProducts(violation)) {
      return letters <= undeliverable.size;
    }
    const [, product = '', sold, confirmed] =
      /^product (\S+): (\d+) sold, Confirmed orders have (\d+)$/.exec(violation.what) ?? [];
    return missing.has(product) && Number(confirmed) - Number(sold) === missing.get(product);
  };
}

const isLetterOfProducts = ({ invariant, what }: Violation): boolean =>
  invariant === 'I11' && what.startsWith('a dead letter that nobody injected: products ');
