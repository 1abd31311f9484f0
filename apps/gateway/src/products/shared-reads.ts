import { randomUUID } from 'node:crypto';
import type { Redis } from '@rookery/resilience';
import { z } from 'zod';
import type { KeptRead, KeptReads, Lookup } from './kept-reads';

const PREFIX = 'rookery:products:';
/** Set by whoever could not tell Redis of a change; every answer depends on it. */
const MISSED = 'missed';
/** Longer than any answer is kept: a mark that ended would look as if it had never been set. */
const MARK_SECONDS = 24 * 60 * 60;

const Kept = z.object({ body: z.string(), tag: z.string(), at: z.number(), marks: z.array(z.string().nullable()) });

/** Answers that the gateways share through Redis. While it is away each keeps its own, and nothing that Redis kept before counts after. */
export class SharedReads implements KeptReads {
  /** How often Redis was not told, and for how many of these it has been told since. Before this process began it may have missed anything. */
  private missed = 1;
  private madeUpFor = 0;

  constructor(
    private readonly redis: Redis,
    /** What is used while Redis does not answer. */
    private readonly own: KeptReads,
    private readonly keepSeconds: number,
  ) {}

  async look(key: string, names: readonly string[]): Promise<Lookup> {
    const shared = (await this.makeUp()) ? await this.lookShared(key, names) : undefined;
    return shared ?? this.own.look(key, names);
  }

  async mark(names: readonly string[]): Promise<void> {
    await this.own.mark(names);
    if (!(await this.set(names))) this.missed += 1;
  }

  private async lookShared(key: string, names: readonly string[]): Promise<Lookup | undefined> {
    const values = await this.redis.ask((redis) =>
      redis.mGet([key, ...names, MISSED].map((name) => `${PREFIX}${name}`)),
    );
    if (values === undefined) return undefined;
    const [kept, ...marks] = values;
    return {
      kept: readKept(kept),
      marks,
      keep: async ({ body, tag }, at) => {
        const read = JSON.stringify({ body, tag, at, marks } satisfies KeptRead);
        const expiration = { type: 'EX', value: this.keepSeconds } as const;
        await this.redis.ask((redis) => redis.set(`${PREFIX}${key}`, read, { expiration }));
      },
    };
  }

  /** False while Redis cannot be told that something was missed: until then what it keeps counts for nothing. */
  private async makeUp(): Promise<boolean> {
    const { missed } = this;
    if (this.madeUpFor === missed) return true;
    if (!(await this.set([MISSED]))) return false;
    this.madeUpFor = Math.max(this.madeUpFor, missed);
    return true;
  }

  private async set(names: readonly string[]): Promise<boolean> {
    const expiration = { type: 'EX', value: MARK_SECONDS } as const;
    const done = await this.redis.ask((redis) =>
      Promise.all(names.map((name) => redis.set(`${PREFIX}${name}`, randomUUID(), { expiration }))),
    );
    return done !== undefined;
  }
}

/** Anything else than what we wrote is as good as nothing. */
function readKept(text: string | null | undefined): KeptRead | undefined {
  if (text === null || text === undefined) return undefined;
  try {
    return Kept.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
