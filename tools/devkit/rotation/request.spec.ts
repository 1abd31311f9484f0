import { APPS, SERVICES } from '../stack/app-process';
import { UserError, WRONG_USAGE } from '../terminal/user-error';
import { ownersOf, ROTATABLE, ROTATABLE_NAMES } from './request';

function exitCodeOf(work: () => unknown): number | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof UserError ? error.exitCode : undefined;
  }
}

describe('the owners of a credential', () => {
  it('are all services that have one, when none is named', () => {
    expect(ownersOf('nats-key', [])).toEqual(APPS);
    expect(ownersOf('database-password', [])).toEqual(SERVICES);
  });

  it('are the services that are named', () => {
    expect(ownersOf('nats-key', ['orders'])).toEqual(['orders']);
  });

  it.each([
    ['database-password', 'gateway'],
    ['signing-key', 'orders'],
    ['cookie-key', 'nobody'],
  ] as const)('are never without one: %s of %s is wrong usage', (what, service) => {
    expect(() => ownersOf(what, ['auth', service])).toThrow(
      new UserError(`${service}: no ${what} there.`, `One of: ${ownersOf(what, []).join(', ')}`),
    );
    expect(exitCodeOf(() => ownersOf(what, [service]))).toBe(WRONG_USAGE);
  });
});

describe('the help', () => {
  it.each(ROTATABLE_NAMES)('names the owners of a %s', (name) => {
    expect(ROTATABLE).toMatch(new RegExp(`^  ${name} +\\w`, 'm'));
  });
});
