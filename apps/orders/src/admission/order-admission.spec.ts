import { OrderAdmission } from './order-admission';

describe('order admission', () => {
  let admission: OrderAdmission;
  beforeEach(() => {
    admission = new OrderAdmission({ lagSeconds: 24 });
  });
  const sample = (waiting: number, lagSeconds: number, newestDone: string | null = 'a'): void =>
    admission.record({ waiting, lagSeconds, newestDone });

  it('admits orders while the lag is below the limit', () => {
    sample(5_000, 23.9);
    expect(admission.refusal()).toBeUndefined();
  });

  it('admits orders while few wait, however long they wait', () => {
    sample(19, 3_600);
    expect(admission.refusal()).toBeUndefined();
  });

  it('refuses orders from the limit on and admits them again below half of it', () => {
    sample(20, 24);
    expect(admission.refusal()).toBe('saga-lag');
    sample(400, 12, 'b');
    expect(admission.refusal()).toBe('saga-lag');
    sample(400, 11.9, 'c');
    expect(admission.refusal()).toBeUndefined();
  });

  it('admits only as many as may wait while no order completes the saga, and all once one did', () => {
    sample(500, 24);
    // They reached their deadline.
    sample(0, 0);
    for (let order = 0; order < 20; order += 1) {
      expect(admission.refusal()).toBeUndefined();
      admission.admitted();
    }
    expect(admission.refusal()).toBe('saga-lag');
    sample(20, 1);
    expect(admission.refusal()).toBe('saga-lag');
    sample(20, 2, null);
    expect(admission.refusal()).toBe('saga-lag');
    sample(20, 2, 'b');
    expect(admission.refusal()).toBeUndefined();
  });

  it('counts an order that was stored while a sample was read, because the sample may not show it', () => {
    sample(500, 24);
    sample(0, 0);
    const admittedBefore = admission.startSample();
    admission.admitted();
    admission.record({ waiting: 0, lagSeconds: 0, newestDone: null }, admittedBefore);
    for (let order = 1; order < 20; order += 1) {
      expect(admission.refusal()).toBeUndefined();
      admission.admitted();
    }
    expect(admission.refusal()).toBe('saga-lag');
  });

  it('reserves the last tenth of the stream for orders in progress, until a fifth is free', () => {
    const seen = [0.89, 0.9, 0.81, 0.79, 0.89, 1].map((taken) => {
      admission.recordStream(taken, true);
      return admission.refusal();
    });
    expect(seen).toEqual([undefined, 'stream-full', 'stream-full', undefined, undefined, 'stream-full']);
  });

  it('refuses orders while the stream stores nothing and admits them as soon as it does', () => {
    const seen = [true, false, true].map((storing) => {
      admission.recordStream(0.1, storing);
      return admission.refusal();
    });
    expect(seen).toEqual([undefined, 'events-not-stored', undefined]);
  });
});
