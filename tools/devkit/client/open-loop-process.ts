import { randomUUID } from 'node:crypto';
import { constants, setPriority } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { OrderView } from '@rookery/contracts';
import { type Kind, type KindOutcome, OpenLoop, READS, type Seen } from './open-loop';

/** A customer gives up after this. */
const PATIENCE_MS = 5_000;
const TICK_MS = 2;
/** The timer of the delay histogram. */
const RESOLUTION_MS = 1;

type Counts = { -readonly [Key in keyof KindOutcome]: KindOutcome[Key] };

/** Sends requests when they are due, however many are unanswered, and counts what comes back. */
class Client {
  /** As many connections as requests wait for answers. */
  private readonly agent = new Agent({ connections: null, headersTimeout: PATIENCE_MS, bodyTimeout: PATIENCE_MS });
  private readonly counts: Record<Kind, Counts> = {
    product: none('product'),
    order: none('order'),
    place: none('place'),
  };
  private readonly placed: string[] = [];
  private readonly inHand = new Set<Promise<void>>();

  constructor(private readonly load: OpenLoop) {}

  async run(): Promise<Seen> {
    const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    delay.enable();
    const { readsPerSecond, ordersPerSecond, seconds } = this.load;
    const rate = readsPerSecond + ordersPerSecond;
    const startedAt = performance.now();
    const endsAt = startedAt + seconds * 1_000;
    let dueAt = startedAt;
    while (dueAt < endsAt) {
      await sleep(TICK_MS);
      const until = Math.min(performance.now(), endsAt);
      // A Poisson process: real customers do not come in step.
      for (; dueAt <= until; dueAt += (-Math.log(1 - Math.random()) * 1_000) / rate) {
        this.begin(dueAt, Math.random() * rate < ordersPerSecond ? 'place' : readAt(Math.random()));
      }
    }
    delay.disable();
    await Promise.all(this.inHand);
    await this.agent.destroy();
    return {
      kinds: Object.values(this.counts),
      clientLateMs: Math.max(0, delay.percentile(99) / 1e6 - RESOLUTION_MS),
      placed: this.placed,
    };
  }

  private begin(dueAt: number, kind: Kind): void {
    const counts = this.counts[kind];
    counts.offered += 1;
    const work = this.send(kind).then(
      ({ status, retryAfter, body }) => {
        if (status < 300) {
          counts.admitted += 1;
          counts.latenciesMs.push(performance.now() - dueAt);
          if (kind === 'place') {
            this.placed.push(OrderView.parse(JSON.parse(body)).id);
          }
        } else if (status === 503 && retryAfter) {
          counts.refused += 1;
        } else {
          counts.failed += 1;
        }
      },
      () => void (counts.failed += 1),
    );
    this.inHand.add(work);
    void work.finally(() => this.inHand.delete(work));
  }

  private send(kind: Kind): Promise<{ readonly status: number; readonly retryAfter: boolean; readonly body: string }> {
    const { products, orders } = this.load;
    const authorization = `Bearer ${this.load.token}`;
    switch (kind) {
      case 'product':
        return this.ask('GET', `/v1/products/${any(products)}`, {});
      case 'order':
        return this.ask('GET', `/v1/orders/${any(orders)}`, { authorization });
      case 'place':
        return this.ask(
          'POST',
          '/v1/orders',
          { authorization, 'content-type': 'application/json', 'idempotency-key': randomUUID() },
          JSON.stringify({ lines: [{ productId: any(products), quantity: 1 }], paymentToken: 'tok_ok' }),
        );
    }
  }

  private async ask(
    method: 'GET' | 'POST',
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<{ readonly status: number; readonly retryAfter: boolean; readonly body: string }> {
    const answer = await this.agent.request({ origin: this.load.url, path, method, headers, body: body ?? null });
    return {
      status: answer.statusCode,
      retryAfter: answer.headers['retry-after'] !== undefined,
      body: await answer.body.text(),
    };
  }
}

const none = (kind: Kind): Counts => ({ kind, offered: 0, admitted: 0, refused: 0, failed: 0, latenciesMs: [] });

const any = (of: readonly string[]): string => of[Math.floor(Math.random() * of.length)] ?? '';

function readAt(point: number): Kind {
  let below = 0;
  for (const { kind, share } of READS) {
    below += share;
    if (point < below) {
      return kind;
    }
  }
  return 'product';
}

try {
  // What is measured must not be measured late; only a privileged user may ask for that.
  setPriority(constants.priority.PRIORITY_HIGHEST);
} catch {
  // Then the report says how late it was.
}
process.once('message', (message) => {
  void new Client(OpenLoop.parse(message)).run().then((seen) => process.send?.(seen));
});
