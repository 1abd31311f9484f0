import {
  type PaymentPurpose,
  PaymentPurposes,
  type PaymentState,
  PaymentStates,
  PaymentStatuses,
  type ProviderOperation,
} from '@rookery/contracts';
import { isPublic, operationFor, type Outcome, Outcomes, purposeAfter, stateAfter } from './payment-status';

/** Written out once more, so that a changed table fails here. `-`: cannot be true in this state. */
const after: Record<PaymentState, Record<Outcome, PaymentState | '-'>> = {
  Expected: { authorized: '-', declined: '-', captured: '-', voided: '-', refunded: '-' },
  Authorizing: { authorized: 'Reserved', declined: 'Failed', captured: '-', voided: '-', refunded: '-' },
  Abandoning: { authorized: '-', declined: '-', captured: '-', voided: 'Failed', refunded: '-' },
  Withdrawn: { authorized: '-', declined: '-', captured: '-', voided: '-', refunded: '-' },
  Reserved: { authorized: '-', declined: '-', captured: 'Captured', voided: 'Released', refunded: '-' },
  Failed: { authorized: '-', declined: '-', captured: '-', voided: '-', refunded: '-' },
  Captured: { authorized: '-', declined: '-', captured: '-', voided: '-', refunded: 'Refunded' },
  Released: { authorized: '-', declined: '-', captured: '-', voided: '-', refunded: '-' },
  Refunded: { authorized: '-', declined: '-', captured: '-', voided: '-', refunded: '-' },
};

/** `-`: nothing to ask of the provider. */
const due: Record<PaymentState, Record<PaymentPurpose, ProviderOperation | '-'>> = {
  Expected: { hold: '-', take: '-', return: '-' },
  Authorizing: { hold: 'authorize', take: 'authorize', return: 'authorize' },
  Abandoning: { hold: 'void', take: 'void', return: 'void' },
  Withdrawn: { hold: '-', take: '-', return: '-' },
  Reserved: { hold: '-', take: 'capture', return: 'void' },
  Failed: { hold: '-', take: '-', return: '-' },
  Captured: { hold: '-', take: '-', return: 'refund' },
  Released: { hold: '-', take: '-', return: '-' },
  Refunded: { hold: '-', take: '-', return: '-' },
};

const outcomeMatrix = PaymentStates.flatMap((state) =>
  Outcomes.map((outcome) => ({ state, outcome, next: after[state][outcome] })),
);
const operationMatrix = PaymentStates.flatMap((state) =>
  PaymentPurposes.map((purpose) => ({ state, purpose, operation: due[state][purpose] })),
);

describe('the state of a payment', () => {
  it.each(outcomeMatrix)('$state, once $outcome, is $next', ({ state, outcome, next }) => {
    expect(stateAfter(state, outcome) ?? '-').toBe(next);
  });

  it.each(operationMatrix)('$state with the purpose $purpose requests $operation', ({ state, purpose, operation }) => {
    expect(operationFor(state, purpose) ?? '-').toBe(operation);
  });

  it('never takes the money of a canceled order', () => {
    expect(PaymentPurposes.map((wanted) => purposeAfter('return', wanted))).toEqual(['return', 'return', 'return']);
  });

  it('is shown to customers under exactly the contract’s names', () => {
    expect(PaymentStates.filter(isPublic)).toEqual([...PaymentStatuses]);
  });
});
