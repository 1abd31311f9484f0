import type { OrderStatus } from '@rookery/contracts';

/** What an order may become from each status. Nothing follows a terminal one. */
const following: Readonly<Record<OrderStatus, readonly OrderStatus[]>> = {
  Pending: ['Confirmed', 'Canceled'],
  Confirmed: [],
  Canceled: [],
};

export const mayBecome = (from: OrderStatus, to: OrderStatus): boolean => following[from].includes(to);

export const isTerminal = (status: OrderStatus): boolean => following[status].length === 0;
