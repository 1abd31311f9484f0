import { Clock } from '@rookery/platform';
import { limitedAddress, Redis, SharedWindows } from '@rookery/resilience';
import { Inject, Injectable } from '@nestjs/common';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import type { Budget } from './provider-routes';

const WINDOW_MS = 60_000;
/** Keys and discovery cost nothing, and a whole cluster may fetch them from behind one address. */
const DOCUMENTS_FACTOR = 10;

/**
 * Limits what one address may ask, in budgets of their own: beginning log-ins, guessing at codes and secrets, looking at pages,
 * fetching documents. Passwords have `SignInThrottle` besides.
 */
@Injectable()
export class AddressLimit {
  private readonly budgets: Readonly<Record<Budget, { readonly windows: SharedWindows; readonly limit: number }>>;

  constructor(@Inject(AUTH_CONFIG) { TOKEN_LIMIT_PER_MINUTE: limit }: AuthConfig, redis: Redis, clock: Clock) {
    const windows = (name: string) => new SharedWindows(`auth:${name}`, WINDOW_MS, redis, clock);
    this.budgets = {
      guesses: { windows: windows('token'), limit },
      'log-ins': { windows: windows('log-in'), limit },
      pages: { windows: windows('page'), limit },
      documents: { windows: windows('document'), limit: limit * DOCUMENTS_FACTOR },
    };
  }

  /** Counts a request; answers the seconds to wait when it is one too many, else nothing. */
  async count(budget: Budget, address: string): Promise<number | undefined> {
    const { windows, limit } = this.budgets[budget];
    const { hits, secondsLeft } = await windows.hit(limitedAddress(address));
    return hits > limit ? secondsLeft : undefined;
  }
}
