import { PaymentStatuses, type PaymentStatus } from '@rookery/contracts';

/**
 * Where the money is, as far as we know. The public statuses, and before them:
 * Expected: the order's end was heard of before the order itself. Authorizing: the provider's answer is outstanding.
 * Abandoning: no answer came in many tries; the authorization is being voided so that a late one cannot charge.
 * Withdrawn: the order was canceled before anything was asked of the provider.
 */
export const PaymentStates = ['Expected', 'Authorizing', 'Abandoning', 'Withdrawn', ...PaymentStatuses] as const;
export type PaymentState = (typeof PaymentStates)[number];

/** What the order wants of its money: held while Pending, taken when Confirmed, given back when Canceled. */
export const Purposes = ['hold', 'take', 'return'] as const;
export type Purpose = (typeof Purposes)[number];

/** What can be asked of the provider. Each is asked for at most once per payment, however often it is tried. */
export const Operations = ['authorize', 'capture', 'void', 'refund'] as const;
export type Operation = (typeof Operations)[number];

/** What the provider can have done. */
export const Outcomes = ['authorized', 'declined', 'captured', 'voided', 'refunded'] as const;
export type Outcome = (typeof Outcomes)[number];

const nothing = { hold: null, take: null, return: null } as const;
const always = (operation: Operation) => ({ hold: operation, take: operation, return: operation });

/** The next thing to ask for, so that the money ends up where the order wants it. */
const operations: Readonly<Record<PaymentState, Readonly<Record<Purpose, Operation | null>>>> = {
  Expected: nothing,
  // Also when the order has ended: only a known outcome can be undone.
  Authorizing: always('authorize'),
  Abandoning: always('void'),
  Withdrawn: nothing,
  Reserved: { hold: null, take: 'capture', return: 'void' },
  Failed: nothing,
  Captured: { hold: null, take: null, return: 'refund' },
  Released: nothing,
  Refunded: nothing,
};

/** Where an outcome leads. What is not listed cannot be the answer to what was asked. */
const outcomes: Readonly<Record<PaymentState, Partial<Record<Outcome, PaymentState>>>> = {
  Expected: {},
  Authorizing: { authorized: 'Reserved', declined: 'Failed' },
  Abandoning: { voided: 'Failed' },
  Withdrawn: {},
  Reserved: { captured: 'Captured', voided: 'Released' },
  Failed: {},
  Captured: { refunded: 'Refunded' },
  Released: {},
  Refunded: {},
};

/** The operation that brings the money where it is wanted, or null when it is there or cannot get there. */
export const operationFor = (state: PaymentState, purpose: Purpose): Operation | null => operations[state][purpose];

/** The state after an outcome, or null when the outcome cannot be true in this state. */
export const stateAfter = (state: PaymentState, outcome: Outcome): PaymentState | null =>
  outcomes[state][outcome] ?? null;

/** A canceled order stays canceled: nothing wants its money any more. */
export const purposeAfter = (current: Purpose, wanted: Purpose): Purpose => (current === 'return' ? current : wanted);

const publicStates: ReadonlySet<PaymentState> = new Set(PaymentStatuses);

/** True for the states that customers see; before them there is no payment yet. */
export const isPublic = (state: PaymentState): state is PaymentStatus => publicStates.has(state);
