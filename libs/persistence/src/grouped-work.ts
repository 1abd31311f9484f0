import { AsyncLocalStorage } from 'node:async_hooks';

/** How many items may share a transaction. */
const MAX_GROUP = 32;
/** Groups at a time. More would be smaller groups that wait for each other's locks. */
const PARALLEL_GROUPS = 2;
/** Items at a time that run alone after their group failed. */
const PARALLEL_SINGLES = 4;

interface Waiting<Item, Result> {
  readonly item: Item;
  /** Continues in the asynchronous context of the item's caller. */
  readonly inContext: <T>(work: () => T) => T;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** An item of a group, with the asynchronous context of its caller. */
export type Grouped<Item> = Pick<Waiting<Item, unknown>, 'item' | 'inContext'>;

/**
 * Collects work of many callers into few transactions. What arrives while others run waits for them and then runs together, so a group
 * forms only under load: a single item starts at once.
 *
 * `runGroup` handles a group in one transaction, all or nothing, and resolves to a result per item. When it rejects, each item runs
 * again in a transaction of its own: a failing or blocked one delays nobody else.
 */
export class GroupedWork<Item, Result> {
  private readonly waiting: Waiting<Item, Result>[] = [];
  private readonly alone: Waiting<Item, Result>[] = [];
  private groups = 0;
  private singles = 0;

  constructor(private readonly runGroup: (group: readonly Grouped<Item>[]) => Promise<readonly Result[]>) {}

  /** @throws {unknown} what `runGroup` rejects with for this item alone */
  run(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, inContext: AsyncLocalStorage.snapshot(), resolve, reject });
      this.startGroups();
    });
  }

  private startGroups(): void {
    while (this.groups < PARALLEL_GROUPS && this.waiting.length > 0) {
      const group = this.waiting.splice(0, MAX_GROUP);
      this.groups += 1;
      void this.attempt(group, (error) => this.split(group, error)).then(() => {
        this.groups -= 1;
        this.startGroups();
      });
    }
  }

  private split(group: readonly Waiting<Item, Result>[], error: unknown): void {
    const [only, ...others] = group;
    if (only !== undefined && others.length === 0) {
      only.reject(error);
      return;
    }
    this.alone.push(...group);
    this.startSingles();
  }

  private startSingles(): void {
    while (this.singles < PARALLEL_SINGLES) {
      const single = this.alone.shift();
      if (single === undefined) {
        return;
      }
      this.singles += 1;
      void this.attempt([single], (error) => single.reject(error)).then(() => {
        this.singles -= 1;
        this.startSingles();
      });
    }
  }

  private async attempt(group: readonly Waiting<Item, Result>[], failed: (error: unknown) => void): Promise<void> {
    try {
      const results = await this.runGroup(group);
      group.forEach(({ resolve }, index) => {
        const result = results[index];
        if (result !== undefined) {
          resolve(result);
        }
      });
    } catch (error) {
      failed(error);
    }
  }
}
