import { eventually } from './eventually';

describe('eventually', () => {
  it('returns the first result that does not throw', async () => {
    let tries = 0;

    const result = await eventually(
      () => {
        tries += 1;
        if (tries < 3) {
          throw new Error('not yet');
        }
        return tries;
      },
      { intervalMs: 1 },
    );

    expect(result).toBe(3);
  });

  it('fails with the last error after the timeout', async () => {
    let tries = 0;
    const never = eventually(
      () => {
        tries += 1;
        throw new Error(`try ${tries}`);
      },
      { timeoutMs: 30, intervalMs: 5 },
    );

    const error: unknown = await never.catch((reason: unknown) => reason);

    expect(tries).toBeGreaterThan(1);
    expect(error).toMatchObject({ message: `try ${tries}` });
  });
});
