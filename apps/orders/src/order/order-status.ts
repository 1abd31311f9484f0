import type { OrderStatus } from '@rookery/contracts';

/** Allowed transitions from each status. A terminal status has none. */
const following: Readonly<Record<OrderStatus, readonly OrderStatus[]>> = {
  Pending: ['Confirmed', 'Canceled'],
  Confirmed: [],
  Canceled: [],
};

export const mayBecome = (from: OrderStatus, to: OrderStatus): boolean => following[from].includes(to);

export const isTerminal = (status: OrderStatus): boolean => following[status].length === 0;
