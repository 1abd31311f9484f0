import type { Money } from '@rookery/contracts';
import {
  type Authorization,
  type AuthorizationRequest,
  type ChargeRequest,
  PaymentProvider,
} from '../../../apps/payments/src/provider/payment-provider';
import { authorizationOf, type ChargeState, decisionOf } from '../../../apps/payments/src/provider/simulated-provider';

/** All that decide something, and one that nobody knows. */
export const tokens = [
  'tok_ok',
  'tok_slow',
  'tok_timeout_then_ok',
  'tok_declined',
  'tok_insufficient_funds',
  'tok_error',
] as const;
export type Token = (typeof tokens)[number];

/** A row of the bank's own ledger, which no crash of a service rolls back. */
export interface Charge {
  readonly orderId: string | null;
  readonly amount: Money | null;
  readonly state: ChargeState;
}

/** A request or an answer on its way between payments and the bank, for the schedule to let through or to lose. */
export interface Hop {
  readonly what: string;
  readonly toBank: boolean;
  goOn(): void;
  lose(): void;
}

class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** The world outside: a bank that does what `PaymentProvider` promises, behind a line on which everything can be late or lost. */
export class Bank extends PaymentProvider {
  readonly charges = new Map<string, Charge>();
  hops: readonly Hop[] = [];
  private asker = 0;

  constructor(private readonly nameOf: (text: string) => string) {
    super();
  }

  override authorize({ key, token, amount, orderId }: AuthorizationRequest): Promise<Authorization> {
    return this.call('authorize', key, () => {
      if (token === 'tok_error') {
        throw new NoAnswer();
      }
      const known = this.charges.get(key);
      const charge = known ?? { orderId, amount, state: decisionOf(token) };
      this.charges.set(key, charge);
      if (!known && token === 'tok_timeout_then_ok') {
        throw new NoAnswer();
      }
      return authorizationOf(charge.state);
    });
  }

  override capture({ authorizationKey }: ChargeRequest): Promise<void> {
    return this.call('capture', authorizationKey, () => this.move(authorizationKey, 'authorized', 'captured'));
  }

  override refund({ authorizationKey }: ChargeRequest): Promise<void> {
    return this.call('refund', authorizationKey, () => this.move(authorizationKey, 'captured', 'refunded'));
  }

  override void({ authorizationKey: key }: ChargeRequest): Promise<void> {
    return this.call('void', key, () => {
      const charge = this.charges.get(key) ?? { orderId: null, amount: null, state: 'authorized' };
      if (charge.state === 'captured' || charge.state === 'refunded') {
        throw new NoAnswer();
      }
      this.charges.set(key, charge.state === 'authorized' ? { ...charge, state: 'voided' } : charge);
    });
  }

  override find(key: string): Promise<Authorization | null> {
    return this.call('find', key, () => {
      const charge = this.charges.get(key);
      return charge ? authorizationOf(charge.state) : null;
    });
  }

  override async ledger(): Promise<never> {
    throw new Error('reconciliation takes no part in the saga');
  }

  /** The process that asked is gone: what it sent may still arrive, what is sent to it does not. */
  forgetAsker(): void {
    this.asker += 1;
    this.hops = this.hops.filter(({ toBank }) => toBank);
  }

  private async call<T>(operation: string, key: string, act: () => T): Promise<T> {
    const { asker } = this;
    const isGone = (): boolean => asker !== this.asker;
    const what = `“${operation} ${this.nameOf(key)}”`;
    try {
      await this.travel(`${what} to the bank`, true);
      const answer = act();
      if (!isGone()) {
        await this.travel(`the answer to ${what}`, false);
      }
      return answer;
    } finally {
      // Neither an answer nor a failure reaches a process that is gone.
      if (isGone()) {
        await new Promise(() => undefined);
      }
    }
  }

  private travel(what: string, toBank: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.hops = this.hops.filter((other) => other !== hop);
      };
      const hop: Hop = {
        what,
        toBank,
        goOn: () => {
          leave();
          resolve();
        },
        lose: () => {
          leave();
          reject(new NoAnswer());
        },
      };
      this.hops = [...this.hops, hop];
    });
  }

  private move(key: string, from: ChargeState, to: ChargeState): void {
    const charge = this.charges.get(key);
    if (charge?.state !== from && charge?.state !== to) {
      throw new NoAnswer();
    }
    this.charges.set(key, { ...charge, state: to });
  }
}
