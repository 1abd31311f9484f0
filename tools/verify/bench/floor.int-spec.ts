import { buildApps } from '@rookery/devkit/stack/build';
import { findPgbench, Floor, FLOORS } from './floor';

const pgbench = findPgbench();
const withPgbench = pgbench === undefined ? describe.skip : describe;

withPgbench('the floor', () => {
  let floor: Floor;
  beforeAll(async () => {
    await buildApps({ apps: ['orders', 'payments', 'products'] });
    floor = await Floor.start(pgbench ?? '');
  }, 180_000);
  afterAll(() => floor.stop());

  it.each(FLOORS)('places orders by the script of $name in the tables of the migrations', async ({ script }) => {
    const { ordersPerSecond } = await floor.run(script, 1);
    expect(ordersPerSecond).toBeGreaterThan(1);
  });
});
