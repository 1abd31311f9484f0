import { StreamStorage } from './stream-storage';

describe('StreamStorage', () => {
  let now: number;
  let storage: StreamStorage;
  beforeEach(() => {
    now = 1_000_000;
    storage = new StreamStorage(() => now);
  });
  const failAt = (ms: number): boolean => {
    now = 1_000_000 + ms;
    storage.failed();
    return storage.storing;
  };

  it('reports storing before the first attempt', () => {
    expect(storage.storing).toBe(true);
  });

  it('tolerates any number of lost acknowledgements within a moment', () => {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      expect(failAt(attempt * 39)).toBe(true);
    }
  });

  it('reports not storing after four seconds of failures, until the first success', () => {
    expect([failAt(0), failAt(2_100), failAt(4_200)]).toEqual([true, true, false]);
    storage.stored();
    expect(storage.storing).toBe(true);
    expect(failAt(4_300)).toBe(true);
  });

  it('starts over after a reconnection', () => {
    failAt(0);
    storage.reconnected();
    expect([failAt(4_100), failAt(8_000), failAt(8_200)]).toEqual([true, true, false]);
  });

  it('forgets failures without further attempts, because another process publishes', () => {
    expect([failAt(0), failAt(4_100)]).toEqual([true, false]);
    now += 30_001;
    expect(storage.storing).toBe(true);
    expect([failAt(60_000), failAt(62_000), failAt(64_000)]).toEqual([true, true, false]);
  });
});
