import { WakeUp } from './wake-up';

describe('WakeUp', () => {
  it('wakes at a change', async () => {
    const wakeUp = new WakeUp();
    const reason = wakeUp.next(60_000);
    wakeUp.notify();
    expect(await reason).toBe('changed');
  });

  it('remembers a change that comes between two waits, once', async () => {
    const wakeUp = new WakeUp();
    wakeUp.notify();
    wakeUp.notify();
    expect(await wakeUp.next(60_000)).toBe('changed');
    expect(await wakeUp.next(1)).toBe('elapsed');
  });

  it('wakes when the time has passed', async () => {
    expect(await new WakeUp().next(1)).toBe('elapsed');
  });

  it('ends this wait and all further ones when closed', async () => {
    const wakeUp = new WakeUp();
    const reason = wakeUp.next(60_000);
    wakeUp.close();
    expect(await reason).toBe('closed');
    expect(await wakeUp.next(60_000)).toBe('closed');
  });
});
