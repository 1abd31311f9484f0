import type { Caller, Service } from '@rookery/contracts';
import type { Random } from '@rookery/devkit/client/random';
import type { Poison } from '@rookery/devkit/invariants/world';
import type { IsolatedStack } from '@rookery/devkit/stack/isolated-stack';

/** What a fault works with. */
export interface FaultContext {
  readonly stack: IsolatedStack;
  readonly random: Random;
  /** Told of each poison that went into a stream: the dead letters must be exactly these. */
  readonly poisoned: (poison: Poison) => void;
  /** The dead letters are gone with the broker's store. */
  readonly deadLettersLost: () => void;
  /** Times a fault's criteria are multiplied by. */
  readonly leniency: number;
  /** Requests of the customers so far that had no answer or a 5xx. */
  readonly failedRequests: () => number;
}

/** What a fault did. */
export interface FaultOutcome {
  /** The one app that it met, where it met one. */
  readonly app?: Caller;
  /** For the report. */
  readonly detail: string;
  /** It found nothing to break, so that its run shows nothing. */
  readonly missed?: true;
}

/** One way to break the system and to mend it again. */
export interface Fault {
  readonly name: string;
  readonly what: string;
  /** From the end of `run` until every app is ready and nothing waits in an outbox. */
  readonly recoversWithinMs: number;
  /** Which disk must be a small one of its own. */
  readonly disk?: 'broker' | 'orders';
  /** Throws FaultCriterionBroken. */
  run(context: FaultContext): Promise<FaultOutcome>;
}

/** Those that hold no key of the others' sessions: auth would only stop log-ins, which the load has behind it. */
export const BREAKABLE: readonly [Caller, ...Caller[]] = ['orders', 'payments', 'products', 'gateway'];
/** Those with events and a database. */
export const OWNERS: readonly [Service, ...Service[]] = ['orders', 'payments', 'products'];
