import type { EventMessage, Service } from '@rookery/contracts';
import type { Token } from './bank';
import type { Parts } from './services';

/** What a customer wants. */
export interface Wish {
  readonly quantities: readonly { readonly product: number; readonly quantity: number }[];
  readonly token: Token;
}

export interface Circumstances {
  /** Units of each product at the start. */
  readonly units: readonly number[];
  /** What is replaced by something that does not keep its promise. */
  readonly mutant?: Partial<Parts>;
}

/** An event on its way to a service that takes it. */
export interface Delivery {
  readonly consumer: Service;
  readonly event: EventMessage & { readonly subject: string };
  readonly about: string;
  /** It was acknowledged and comes again all the same, whenever it likes. */
  readonly again: boolean;
}

/** Products by number, orders by letter: what a schedule calls them. */
export const productName = (index: number): string => ['egg', 'nest', 'twig'][index] ?? `product ${index}`;
export const productId = (index: number): string => `01890000-0000-7000-8000-00000000000${index}`;
