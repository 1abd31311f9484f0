import { type Delivery, productName, type Wish } from './circumstances';
import type { CrashPoint } from './memory-database';
import { MemoryWorld } from './memory-world';
import type { Mishap, Scenario, Step } from './scenario';
import { SimulatedSystem } from './simulated-system';

const WAITS_MS = [500, 1_000, 3_000, 20_000, 61_000] as const;
/** Far more than anything needs that gets anywhere. */
const MOST_ROUNDS = 1_000;
const FEATS = ['publish', 'deliver', 'claim', 'move'] as const;

export interface Outcome {
  readonly broken: readonly string[];
  /** What happened, line by line. */
  readonly log: readonly string[];
}

/** Plays a scenario step by step, then lets everything come to rest, and notes what happened and what broke. */
export class Play {
  readonly log: string[] = [];
  private readonly broken = new Set<string>();
  private readonly system: SimulatedSystem;
  private readonly world: MemoryWorld;
  private readonly waiting: Wish[];

  private constructor(private readonly scenario: Scenario) {
    this.system = new SimulatedSystem(scenario);
    this.world = new MemoryWorld(this.system);
    this.waiting = [...scenario.wishes];
  }

  static async of(scenario: Scenario): Promise<Outcome> {
    const play = new Play(scenario);
    for (const step of scenario.steps) {
      await play.step(step);
    }
    play.say('from here on nothing goes wrong');
    await play.comeToRest();
    play.note(play.world.brokenAtRest());
    return { broken: [...play.broken], log: play.log };
  }

  /** Returns whether there was something for it to happen to. */
  private async step(step: Step): Promise<boolean> {
    const happened = await this.attempt(step);
    this.note(this.world.brokenNow());
    return happened;
  }

  private async attempt({ kind, pick, mishap }: Step): Promise<boolean> {
    switch (kind) {
      case 'place':
        return this.place();
      case 'cancel':
        return this.cancel(pick, mishap);
      case 'publish':
        return this.publish(pick, mishap);
      case 'deliver':
        return this.deliver(pick, mishap);
      case 'claim':
        return this.claim(1 + (pick % 3));
      case 'move':
        return this.move(pick, mishap);
      case 'wait':
        return this.wait(pick);
      case 'sweep':
        return this.sweep(mishap);
    }
  }

  private async place(): Promise<boolean> {
    const wish = this.waiting.shift();
    if (!wish) {
      return false;
    }
    const id = await this.system.place(wish);
    const lines = wish.quantities.map(({ product, quantity }) => `${quantity} ${productName(product)}`);
    return this.say(`order ${this.system.nameOf(id)}: ${lines.join(' and ')}, ${wish.token}`);
  }

  private async cancel(pick: number, mishap: Mishap): Promise<boolean> {
    const order = pickOf(this.system.placed, pick);
    if (order === undefined) {
      return false;
    }
    const end = await this.system.cancel(order, crashOf(mishap));
    return this.say(`the customer cancels ${this.system.nameOf(order)}`, mishap, end);
  }

  /** In order, only an aggregate's oldest row may go; otherwise any. */
  private publish(pick: number, mishap: Mishap): boolean {
    const rows = this.system.services.flatMap((service) => {
      const unpublished = [...service.outbox.rows.values()].filter(({ published }) => !published);
      const first = this.scenario.ordered
        ? firstOfEach(unpublished, ({ message }) => message.aggregateId)
        : unpublished;
      return first.map((row) => ({ service, row }));
    });
    const chosen = pickOf(rows, pick);
    if (!chosen) {
      return false;
    }
    const { service, row } = chosen;
    const crashes = crashOf(mishap) !== undefined;
    this.system.publish(service, row, !crashes);
    const what = `${service.name} publishes ${row.message.name} of ${this.system.nameIn(row.message.data)}`;
    return this.say(what, crashes ? 'crash before it is marked' : 'none');
  }

  /** In order, the first of an aggregate at each service; what comes again keeps to no order. */
  private deliverable(): readonly Delivery[] {
    const { deliveries } = this.system;
    if (!this.scenario.ordered) {
      return deliveries;
    }
    const fresh = deliveries.filter(({ again }) => !again);
    const repeated = deliveries.filter(({ again }) => again);
    return [...firstOfEach(fresh, ({ consumer, event }) => `${consumer} ${event.aggregateId}`), ...repeated];
  }

  private async deliver(pick: number, mishap: Mishap): Promise<boolean> {
    const delivery = pickOf(this.deliverable(), pick);
    if (!delivery) {
      return false;
    }
    const { consumer, event, about, again } = delivery;
    const what = `${consumer} gets ${event.name} of ${about}${again ? ' once more' : ''}`;
    // The broker keeps what is lost on the way, and delivers it later.
    if (mishap === 'lost') {
      return this.say(what, mishap);
    }
    return this.say(
      what,
      mishap,
      await this.system.deliver(delivery, { crash: crashOf(mishap), again: mishap === 'again' }),
    );
  }

  private async claim(limit: number): Promise<boolean> {
    const claimed = await this.system.claim(limit);
    return claimed > 0 && this.say(`payments takes up ${claimed} due`);
  }

  private async move(pick: number, mishap: Mishap): Promise<boolean> {
    const hop = pickOf(this.system.bank.hops, pick);
    if (!hop) {
      return false;
    }
    await this.system.move(hop, { isLost: mishap === 'lost', crash: crashOf(mishap) });
    return this.say(hop.what, mishap === 'again' ? 'none' : mishap);
  }

  private async sweep(mishap: Mishap): Promise<boolean> {
    await this.system.sweep(crashOf(mishap));
    if (crashOf(mishap) === undefined) {
      this.note(this.world.brokenAfterSweep());
    }
    return this.say('orders looks for overdue orders', mishap);
  }

  private wait(pick: number): boolean {
    const ms = pickOf(WAITS_MS, pick) ?? 0;
    this.system.clock.advance(ms);
    return this.say(`${ms / 1_000} s pass`);
  }

  /** Everything happens, in turn and without mishap; where nothing can, time passes. */
  private async comeToRest(): Promise<void> {
    while (await this.place()) {}
    for (let round = 0; round < MOST_ROUNDS && !this.system.isAtRest; round += 1) {
      let happened = false;
      for (const kind of FEATS) {
        happened = (await this.step({ kind, pick: round, mishap: 'none' })) || happened;
      }
      if (happened) {
        continue;
      }
      this.wait(WAITS_MS.length - 1);
      await this.step({ kind: 'sweep', pick: 0, mishap: 'none' });
    }
  }

  private note(broken: readonly string[]): void {
    for (const what of broken) {
      this.broken.add(what);
    }
  }

  private say(what: string, mishap: string = 'none', end: string = 'taken'): true {
    const notes = [mishap, end].filter((note) => note !== 'none' && note !== 'taken' && note !== 'crashed');
    this.log.push(notes.length === 0 ? what : `${what} [${notes.join(', ').replaceAll('-', ' ')}]`);
    return true;
  }
}

const crashOf = (mishap: Mishap): CrashPoint | undefined =>
  mishap === 'crash-before-commit' ? 'before-commit' : mishap === 'crash-after-commit' ? 'after-commit' : undefined;

const pickOf = <T>(all: readonly T[], pick: number): T | undefined => all[pick % Math.max(all.length, 1)];

const firstOfEach = <T>(all: readonly T[], keyOf: (one: T) => string): readonly T[] =>
  [...Map.groupBy(all, keyOf).values()].flatMap((group) => group.slice(0, 1));
