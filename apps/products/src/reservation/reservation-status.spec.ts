import { type ReservationStatus, ReservationStatuses } from '@rookery/contracts';
import { reservationAfter, type ReservationFact, ReservationFacts } from './reservation-status';

/** Written out once more, so that a changed table fails here. `-`: the fact contradicts the status. */
const expected: Record<ReservationStatus, Record<ReservationFact, ReservationStatus | '-'>> = {
  Awaiting: { reserved: 'Reserved', rejected: 'Rejected', confirmed: '-', canceled: 'Withdrawn' },
  Reserved: { reserved: '-', rejected: '-', confirmed: 'Shipped', canceled: 'Released' },
  Rejected: { reserved: '-', rejected: '-', confirmed: '-', canceled: 'Rejected' },
  Shipped: { reserved: '-', rejected: '-', confirmed: 'Shipped', canceled: '-' },
  Released: { reserved: '-', rejected: '-', confirmed: '-', canceled: 'Released' },
  Withdrawn: { reserved: '-', rejected: '-', confirmed: '-', canceled: 'Withdrawn' },
};

const matrix = ReservationStatuses.flatMap((status) =>
  ReservationFacts.map((fact) => ({ status, fact, next: expected[status][fact] })),
);

describe('the status of a reservation', () => {
  it.each(matrix)('$status, once $fact, is $next', ({ status, fact, next }) => {
    expect(reservationAfter(status, fact) ?? '-').toBe(next);
  });

  it('never leaves Shipped, Released, Rejected or Withdrawn', () => {
    const ends: readonly ReservationStatus[] = ['Shipped', 'Released', 'Rejected', 'Withdrawn'];
    const reached = ends.flatMap((end) => ReservationFacts.map((fact) => reservationAfter(end, fact) ?? end));
    expect([...new Set(reached)].sort()).toEqual([...ends].sort());
  });
});
