import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '@rookery/platform';
import { limitedAddress, Redis, SharedWindows } from '@rookery/resilience';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import type { Budget } from './provider-routes';

const WINDOW_MS = 60_000;
/** Keys and discovery are cheap, and a whole cluster may fetch them from one address. */
const DOCUMENTS_FACTOR = 10;

/**
 * Limits the requests of one address, with separate budgets for starting log-ins, guessing codes and secrets, viewing pages, and
 * fetching documents. Passwords are also limited by `SignInThrottle`.
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

  /** Counts a request. Returns the seconds to wait if it exceeds the limit, otherwise undefined. */
  async count(budget: Budget, address: string): Promise<number | undefined> {
    const { windows, limit } = this.budgets[budget];
    const { hits, secondsLeft } = await windows.hit(limitedAddress(address));
    return hits > limit ? secondsLeft : undefined;
  }
}
