import {
  type PaymentPurpose,
  type PaymentState,
  type PaymentStatus,
  PaymentStatuses,
  type ProviderOperation,
} from '@rookery/contracts';

/** Possible outcomes of a provider call. */
export const Outcomes = ['authorized', 'declined', 'captured', 'voided', 'refunded'] as const;
export type Outcome = (typeof Outcomes)[number];

const nothing = { hold: null, take: null, return: null } as const;
const always = (operation: ProviderOperation) => ({ hold: operation, take: operation, return: operation });

/** The next operation, so that the money ends up where the order wants it. */
const operations: Readonly<Record<PaymentState, Readonly<Record<PaymentPurpose, ProviderOperation | null>>>> = {
  Expected: nothing,
  // Also after the end of the order: only a known outcome can be undone.
  Authorizing: always('authorize'),
  Abandoning: always('void'),
  Withdrawn: nothing,
  Reserved: { hold: null, take: 'capture', return: 'void' },
  Failed: nothing,
  Captured: { hold: null, take: null, return: 'refund' },
  Released: nothing,
  Refunded: nothing,
};

/** The transitions by outcome. An outcome that is not listed cannot answer the operation. */
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

/** The operation that moves the money where the order wants it; null when it is there or cannot get there. */
export const operationFor = (state: PaymentState, purpose: PaymentPurpose): ProviderOperation | null =>
  operations[state][purpose];

/** The state after an outcome, or null when the outcome cannot be true in this state. */
export const stateAfter = (state: PaymentState, outcome: Outcome): PaymentState | null =>
  outcomes[state][outcome] ?? null;

/** A canceled order stays canceled: its purpose no longer changes. */
export const purposeAfter = (current: PaymentPurpose, wanted: PaymentPurpose): PaymentPurpose =>
  current === 'return' ? current : wanted;

const publicStates: ReadonlySet<PaymentState> = new Set(PaymentStatuses);

/** True for the states that customers see; earlier states count as no payment yet. */
export const isPublic = (state: PaymentState): state is PaymentStatus => publicStates.has(state);
