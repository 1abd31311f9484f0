import type { ReservationStatus } from '@rookery/contracts';

/** What can happen to a reservation. `reserved` and `rejected` are our own decision, the others the order's end. */
export const ReservationFacts = ['reserved', 'rejected', 'confirmed', 'canceled'] as const;
export type ReservationFact = (typeof ReservationFacts)[number];

/** Where each fact leads. A fact that is not listed contradicts what already happened. */
const transitions: Readonly<Record<ReservationStatus, Partial<Record<ReservationFact, ReservationStatus>>>> = {
  Awaiting: { reserved: 'Reserved', rejected: 'Rejected', canceled: 'Withdrawn' },
  Reserved: { confirmed: 'Shipped', canceled: 'Released' },
  Rejected: { canceled: 'Rejected' },
  Shipped: { confirmed: 'Shipped' },
  Released: { canceled: 'Released' },
  Withdrawn: { canceled: 'Withdrawn' },
};

/** The status after a fact, or null when the fact cannot be true in this status. */
export const reservationAfter = (status: ReservationStatus, fact: ReservationFact): ReservationStatus | null =>
  transitions[status][fact] ?? null;
