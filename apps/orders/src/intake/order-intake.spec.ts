import { OrderIntake } from './order-intake';

describe('the intake of orders', () => {
  let intake: OrderIntake;
  beforeEach(() => {
    intake = new OrderIntake({ lagSeconds: 24 });
  });
  const look = (waiting: number, lagSeconds: number, newestDone: string | null = 'a'): void =>
    intake.note({ waiting, lagSeconds, newestDone });

  it('takes orders while those before them wait for less than the limit', () => {
    look(5_000, 23.9);
    expect(intake.refusal()).toBeUndefined();
  });

  it('takes orders while few wait, however long', () => {
    look(19, 3_600);
    expect(intake.refusal()).toBeUndefined();
  });

  it('refuses from the limit on, and takes again below half of it', () => {
    look(20, 24);
    expect(intake.refusal()).toBe('saga-lag');
    look(400, 12, 'b');
    expect(intake.refusal()).toBe('saga-lag');
    look(400, 11.9, 'c');
    expect(intake.refusal()).toBeUndefined();
  });

  it('lets in as many as may wait while no order goes all the way, and all when one did', () => {
    look(500, 24);
    // They came to their deadline.
    look(0, 0);
    for (let order = 0; order < 20; order += 1) {
      expect(intake.refusal()).toBeUndefined();
      intake.taken();
    }
    expect(intake.refusal()).toBe('saga-lag');
    look(20, 1);
    expect(intake.refusal()).toBe('saga-lag');
    look(20, 2, null);
    expect(intake.refusal()).toBe('saga-lag');
    look(20, 2, 'b');
    expect(intake.refusal()).toBeUndefined();
  });

  it('keeps the last tenth of the stream for orders that were begun, until a fifth is free', () => {
    const seen = [0.89, 0.9, 0.81, 0.79, 0.89, 1].map((taken) => {
      intake.noteStream(taken, true);
      return intake.refusal();
    });
    expect(seen).toEqual([undefined, 'stream-full', 'stream-full', undefined, undefined, 'stream-full']);
  });

  it('refuses while the stream stores nothing, and takes orders as soon as it does', () => {
    const seen = [true, false, true].map((storing) => {
      intake.noteStream(0.1, storing);
      return intake.refusal();
    });
    expect(seen).toEqual([undefined, 'events-not-stored', undefined]);
  });
});
