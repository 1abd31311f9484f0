import { jest } from '@jest/globals';
import { Clock } from '@rookery/platform';
import type { AuthUnderTest } from './auth-under-test';

/** Sets the clock of this process, including libraries, ahead of the database's until `restore`. */
export function aheadBy(ms: number, { app }: AuthUnderTest): { restore(): void } {
  const now = Date.now.bind(Date);
  const spies = [
    jest.spyOn(Date, 'now').mockImplementation(() => now() + ms),
    jest.spyOn(app.get(Clock), 'now').mockImplementation(() => new Date(now() + ms)),
  ];
  return { restore: () => spies.forEach((spy) => spy.mockRestore()) };
}
