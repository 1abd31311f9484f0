import { eventually } from '@rookery/testing';
import { EventLoopDelay } from './event-loop-delay';

it('measures the delay of the event loop, and its end', async () => {
  const delay = new EventLoopDelay();
  try {
    // Blocks the loop for 60 ms at every turn.
    let busy = true;
    const block = (): void => {
      const until = performance.now() + 60;
      while (performance.now() < until) {}
      if (busy) {
        setImmediate(block);
      }
    };
    block();
    await eventually(() => expect(delay.ms).toBeGreaterThan(20));
    busy = false;
    await eventually(() => expect(delay.ms).toBeLessThan(20));
  } finally {
    delay.stop();
  }
});
