import type { ReservationStatus } from '@rookery/contracts';

/** The facts that change a reservation. `reserved` and `rejected` are decided here, the others by the end of the order. */
export const ReservationFacts = ['reserved', 'rejected', 'confirmed', 'canceled'] as const;
export type ReservationFact = (typeof ReservationFacts)[number];

/** The transitions by fact. A fact that is not listed contradicts earlier ones. */
const transitions: Readonly<Record<ReservationStatus, Partial<Record<ReservationFact, ReservationStatus>>>> = {
  Awaiting: { reserved: 'Reserved', rejected: 'Rejected', canceled: 'Withdrawn' },
  Reserved: { confirmed: 'Shipped', canceled: 'Released' },
  Rejected: { canceled: 'Rejected' },
  Shipped: { confirmed: 'Shipped' },
  Released: { canceled: 'Released' },
  Withdrawn: { canceled: 'Withdrawn' },
};

/** The status after a fact, or null when the fact is impossible in this status. */
export const reservationAfter = (status: ReservationStatus, fact: ReservationFact): ReservationStatus | null =>
  transitions[status][fact] ?? null;
