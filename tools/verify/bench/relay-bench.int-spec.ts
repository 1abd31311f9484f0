import { Progress } from '@rookery/devkit/terminal/progress';
import { configureLogger } from '@rookery/platform';
import { runRelayBench } from './relay-bench';

describe('the bench of the relay', () => {
  it('drains an outbox to a file stream, where every event is once and in its aggregate’s order', async () => {
    configureLogger('bench', 'silent');
    // It throws when an event is missing, doubled or out of order.
    const { contestants } = await runRelayBench({ rows: 2_000, fewRows: 500, rounds: 1 }, new Progress(true));
    expect(contestants.map(({ name, rates }) => ({ name, rounds: rates.length }))).toEqual([
      { name: 'relay', rounds: 1 },
      { name: 'publishing alone', rounds: 1 },
      { name: 'relay, one aggregate', rounds: 1 },
      { name: 'one row at a time', rounds: 1 },
    ]);
  });
});
