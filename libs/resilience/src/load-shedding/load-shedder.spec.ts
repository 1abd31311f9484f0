import { AdaptiveLimit } from './adaptive-limit';
import { type Admission, LoadShedder, type Priority } from './load-shedder';

describe('the load shedder', () => {
  let delayMs = 0;
  let shedder: LoadShedder;
  beforeEach(() => {
    delayMs = 0;
    const limit = new AdaptiveLimit({ min: 10, max: 10 });
    shedder = new LoadShedder({ limit, eventLoopDelayMs: () => delayMs, allowedDelayMs: 100 });
  });

  const fill = (priority: Priority): Admission[] => {
    const admissions: Admission[] = [];
    for (;;) {
      const decision = shedder.admit(priority, 'test');
      if ('shed' in decision) {
        return admissions;
      }
      admissions.push(decision.admitted);
    }
  };

  it('admits low priority up to four fifths of the limit, normal up to nine tenths, and high up to one and a half times', () => {
    expect(fill('low')).toHaveLength(8);
    expect(fill('normal')).toHaveLength(1);
    expect(fill('high')).toHaveLength(6);
    expect(shedder.inFlight).toBe(15);
    expect(shedder.admit('high', 'test')).toEqual({ shed: 'limit' });
  });

  it('releases a slot once, however often a request ends', () => {
    const [first] = fill('high');
    first?.answered();
    first?.ended();
    first?.answered();
    expect(shedder.inFlight).toBe(14);
  });

  it('sheds low priority first when the event loop is late, and high priority last', () => {
    const shed = (): readonly Priority[] =>
      (['high', 'normal', 'low'] as const).filter((priority) => shedder.refusal(priority) === 'event-loop');
    const seen = [100, 101, 201, 401].map((ms) => {
      delayMs = ms;
      return shed();
    });
    expect(seen).toEqual([[], ['low'], ['normal', 'low'], ['high', 'normal', 'low']]);
  });
});
