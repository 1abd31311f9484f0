import { Client } from 'pg';
import { Answers } from './answers';
import { OrderLoad } from './order-load';
import { buildPeers } from './peer-programs';
import { EXPRESS, MOLECULER, NEST, PeerSystem } from './peer-systems';

const peers = [EXPRESS, MOLECULER, NEST];

describe.each(peers)('the peer $name', (peer) => {
  let system: PeerSystem;
  beforeAll(async () => {
    await buildPeers(peer.programs);
    system = await PeerSystem.start(peer);
  }, 120_000);
  afterAll(() => system.stop());

  it('answers as every system does, and confirms each order that is placed', async () => {
    const products = await (await Answers.of(system)).check();
    const load = new OrderLoad(system, products, 4);
    const { latenciesMs } = await load.buyFor(500);

    expect(latenciesMs).toHaveLength(load.placed);
    await (await Answers.of(system)).checkSold(load.placed + 1);
  });

  it('is not taken for right when a unit or an order is missing', async () => {
    const client = new Client({ connectionString: system.database });
    await client.connect();
    try {
      const { rows } = await client.query<{ orders: number }>('SELECT count(*)::integer AS orders FROM orders');
      const answers = await Answers.of(system);
      const counted = (): Promise<void> => answers.checkSold(rows[0]?.orders ?? 0);
      await counted();
      await client.query(`UPDATE products SET available = available - 1 WHERE sku = 'SKU-0000'`);
      await expect(counted()).rejects.toThrow('lost units or orders');
      await client.query(`UPDATE products SET available = available + 1 WHERE sku = 'SKU-0000'`);
      await client.query(`UPDATE orders SET status = 'Pending' WHERE id = (SELECT id FROM orders LIMIT 1)`);
      await expect(counted()).rejects.toThrow('lost units or orders');
    } finally {
      await client.end();
    }
  });

  it('knows what it uses', () => {
    expect(system.cpuSeconds()).toBeGreaterThan(0);
    expect(system.memory()?.programs).toBeGreaterThan(20);
  });
});
