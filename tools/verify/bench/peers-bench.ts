import { setTimeout as sleep } from 'node:timers/promises';
import type { Progress } from '@rookery/devkit/terminal/progress';
import { Answers } from './answers';
import { findPgbench, Floor, type FloorRound, FLOORS } from './floor';
import { CATEGORIES, IN_A_CATEGORY, type MeasuredSystem, type Memory } from './measured-system';
import { OrderLoad, type OrdersRound, ordersRound } from './order-load';
import { OwnSystem } from './own-system';
import { buildPeers } from './peer-programs';
import { EXPRESS, MOLECULER, NEST, type Peer, PeerSystem } from './peer-systems';
import type { FloorFigures, SystemFigures } from './peers-figures';
import { peersReport, type PeersResult, type PeersSetting } from './peers-report';
import { readEach, type ReadLoad, readsPerSecond } from './read-load';
import { circumstances, type Report } from './report';
import { StartedSystem } from './started-system';

/** What is measured, and how long. */
export interface PeersBenchOptions extends PeersSetting {
  readonly peers: readonly Peer[];
  /** Whether pgbench runs too. */
  readonly floor: boolean;
  /** A commit whose system is one more peer. */
  readonly against?: string | undefined;
}

const USUAL: PeersBenchOptions = {
  rounds: 5,
  orderSeconds: 8,
  readSeconds: 3,
  warmUpSeconds: 10,
  inFlight: 32,
  connections: 32,
  peers: [EXPRESS, MOLECULER, NEST],
  floor: true,
};
const NO_PGBENCH = 'there is no pgbench here. Debian has it in the package postgresql-contrib.';

/** Rookery, Express, Moleculer, plain Nest and Postgres alone, by turns in one run. */
export const peersBench = {
  name: 'peers',
  what: 'orders, reads, CPU and memory beside Express, Moleculer, plain Nest and pgbench; --against <ref>: beside that commit too',
  run: async (progress: Progress, { against }: { readonly against?: string | undefined } = {}): Promise<Report> => {
    const result = await measurePeers(progress, { ...USUAL, against });
    return { json: result, markdown: peersReport(result) };
  },
};

/** @throws {Error} when an answer is wrong, an order does not end as Confirmed, or the stock does not add up */
export async function measurePeers(progress: Progress, options: PeersBenchOptions): Promise<PeersResult> {
  const at = circumstances();
  const { rounds, orderSeconds, readSeconds, warmUpSeconds, inFlight, connections, peers, against } = options;
  const setting = { rounds, orderSeconds, readSeconds, warmUpSeconds, inFlight, connections };
  const running = new Running(progress, options);
  try {
    await progress.step('the peers are built', () => buildPeers(peers.flatMap(({ programs }) => programs)));
    const own = await running.add('Rookery', async () => OwnSystem.of('Rookery', await StartedSystem.here()));
    if (against !== undefined) {
      await running.add(against, async () => OwnSystem.of(against, await StartedSystem.of(against)));
    }
    for (const peer of peers) {
      await running.add(peer.name, () => PeerSystem.start(peer));
    }
    const floors = await running.measure();
    const others = running.measured.filter((one) => one !== own);
    return { command: commandOf(against), ...at, setting, systems: [figuresOf(own), ...others.map(figuresOf)], floors };
  } finally {
    await running.stop();
  }
}

const commandOf = (against: string | undefined): string =>
  `npm run bench -- peers${against === undefined ? '' : ` --against ${against}`}`;

/** One system, with what was measured of it so far. */
interface Measured {
  readonly system: MeasuredSystem;
  readonly products: readonly string[];
  readonly load: OrderLoad;
  readonly orders: OrdersRound[];
  readonly kept: number[];
  readonly product: number[];
  readonly list: number[];
  /** Reads that were refused with 503, in all rounds. */
  refused: number;
  readonly idle: Memory | undefined;
  underOrders: Memory | undefined;
}

const figuresOf = ({ system, orders, kept, product, list, refused, idle, underOrders }: Measured): SystemFigures => ({
  name: system.name,
  what: system.what,
  orders,
  kept: system.notKeptUrl === undefined ? product : kept,
  product,
  list,
  refused,
  idle,
  underOrders,
});

/** All systems of a run. */
class Running {
  readonly measured: Measured[] = [];
  private readonly systems: MeasuredSystem[] = [];
  private floor: Floor | undefined;

  constructor(
    private readonly progress: Progress,
    private readonly options: PeersBenchOptions,
  ) {}

  /** Starts a system, looks at its memory while it is idle, and checks its answers. */
  async add(name: string, start: () => Promise<MeasuredSystem>): Promise<Measured> {
    return this.progress.step(`${name} starts and answers as it should`, async () => {
      const system = await start();
      // One that answers wrongly must be stopped too.
      this.systems.push(system);
      const products = await (await Answers.of(system)).check();
      const one: Measured = {
        system,
        products,
        load: new OrderLoad(system, products, this.options.inFlight),
        orders: [],
        kept: [],
        product: [],
        list: [],
        refused: 0,
        idle: system.idle,
        underOrders: undefined,
      };
      this.measured.push(one);
      return one;
    });
  }

  /** All rounds, by turns; then stock and orders are counted. Result: the figures of Postgres alone, or why there are none. */
  async measure(): Promise<readonly FloorFigures[] | string> {
    const { rounds, warmUpSeconds } = this.options;
    const floors = await this.startFloor();
    for (const one of this.measured) {
      await this.progress.step(`${one.system.name} warms up`, async () => {
        await one.load.buyFor(warmUpSeconds * 1_000);
        await this.read({ ...one, kept: [], product: [], list: [] }, warmUpSeconds / 2);
      });
    }
    for (let round = 1; round <= rounds; round += 1) {
      for (const one of this.measured) {
        await this.progress.step(`round ${round} of ${rounds}: ${one.system.name}`, () => this.round(one));
      }
      for (const { name, script, rounds: figures } of floors) {
        await this.progress.step(`round ${round} of ${rounds}: ${name}`, async () => {
          figures.push(await this.runFloor(script));
        });
      }
    }
    for (const { system, load } of this.measured) {
      // One more order was placed when the answers were checked.
      await this.progress.step(`${system.name}: stock and orders add up`, async () =>
        (await Answers.of(system)).checkSold(load.placed + 1),
      );
    }
    if (!this.options.floor) {
      return 'not a part of this run.';
    }
    return this.floor === undefined
      ? NO_PGBENCH
      : floors.map(({ name, what, rounds: of }) => ({ name, what, rounds: of }));
  }

  async stop(): Promise<void> {
    await Promise.all([this.floor?.stop(), ...this.systems.map((system) => system.stop())]);
  }

  private async startFloor(): Promise<readonly ((typeof FLOORS)[number] & { readonly rounds: FloorRound[] })[]> {
    const pgbench = this.options.floor ? findPgbench() : undefined;
    if (pgbench === undefined) {
      return [];
    }
    this.floor = await this.progress.step('Postgres for pgbench', () => Floor.start(pgbench));
    return FLOORS.map((one) => ({ ...one, rounds: [] }));
  }

  private async runFloor(script: string): Promise<FloorRound> {
    if (this.floor === undefined) {
      throw new Error('Postgres for pgbench does not run');
    }
    return this.floor.run(script, this.options.orderSeconds);
  }

  private async round(one: Measured): Promise<void> {
    const { system, load } = one;
    const ms = this.options.orderSeconds * 1_000;
    const before = system.cpuSeconds();
    const [seen, memory] = await Promise.all([load.buyFor(ms), sleep(0.8 * ms).then(() => system.memory())]);
    one.orders.push(ordersRound(seen, before, system.cpuSeconds()));
    one.underOrders = most(one.underOrders, memory);
    await this.read(one, this.options.readSeconds);
  }

  private async read(one: Measured, seconds: number): Promise<void> {
    const { system, products } = one;
    const { connections } = this.options;
    const headers = await system.headers();
    const { url, notKeptUrl = url } = system;
    const product = products.map((id) => `/v1/products/${id}`);
    const list = CATEGORIES.map((category) => `/v1/products?category=${category}&limit=${IN_A_CATEGORY}`);
    const loadOf = (from: string, paths: readonly string[]): ReadLoad => ({ url: from, headers, paths, connections });
    const rate = async (load: ReadLoad): Promise<number> => {
      const { perSecond, refused } = await readsPerSecond(load, seconds * 1_000);
      one.refused += refused;
      return perSecond;
    };
    if (notKeptUrl !== url) {
      // Orders have changed the stock of some since the last round.
      await readEach(loadOf(url, product));
      one.kept.push(await rate(loadOf(url, product)));
    }
    one.product.push(await rate(loadOf(notKeptUrl, product)));
    one.list.push(await rate(loadOf(notKeptUrl, list)));
  }
}

const most = (one: Memory | undefined, other: Memory | undefined): Memory | undefined =>
  one === undefined || other === undefined
    ? (one ?? other)
    : { programs: Math.max(one.programs, other.programs), all: Math.max(one.all, other.all) };
