import { Clock } from '@rookery/platform';
import { FixedWindows, MAX_WINDOWS } from './fixed-windows';

class SetClock extends Clock {
  nowMs = 1_000_000;
  now(): Date {
    return new Date(this.nowMs);
  }
}

describe('FixedWindows', () => {
  it('counts each key separately and tells when its window ends', () => {
    const clock = new SetClock();
    const windows = new FixedWindows(60_000, clock);
    expect(windows.hit('alice')).toEqual({ hits: 1, secondsLeft: 60 });
    clock.nowMs += 20_500;
    expect(windows.hit('alice')).toEqual({ hits: 2, secondsLeft: 40 });
    expect(windows.hit('bob')).toEqual({ hits: 1, secondsLeft: 60 });
  });

  it('starts a new window when the old one has ended', () => {
    const clock = new SetClock();
    const windows = new FixedWindows(60_000, clock);
    windows.hit('alice');
    clock.nowMs += 60_000;
    expect(windows.hit('alice')).toEqual({ hits: 1, secondsLeft: 60 });
  });

  it('stays bounded under a flood of made-up addresses: it drops the oldest', () => {
    const windows = new FixedWindows(60_000, new SetClock());
    windows.hit('the first');
    for (let index = 0; index < MAX_WINDOWS + 10; index += 1) {
      windows.hit(`address ${index}`);
    }
    expect(windows.size).toBe(MAX_WINDOWS);
    expect(windows.hit('the first').hits).toBe(1);
    expect(windows.hit(`address ${MAX_WINDOWS}`).hits).toBe(2);
  });

  it('removes expired windows: the memory of a flood is freed', () => {
    const clock = new SetClock();
    const windows = new FixedWindows(60_000, clock);
    for (let index = 0; index < 1_000; index += 1) {
      windows.hit(`address ${index}`);
    }
    clock.nowMs += 30_000;
    windows.hit('alice');
    clock.nowMs += 30_000;
    for (let index = 0; index < 600; index += 1) {
      windows.hit('alice');
    }
    expect(windows.size).toBe(1);
    expect(windows.hit('alice').hits).toBe(602);
  });
});
