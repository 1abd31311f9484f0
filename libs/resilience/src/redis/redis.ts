import type { OnApplicationShutdown } from '@nestjs/common';
import { backoff, logger, type Metrics, withJitter } from '@rookery/platform';
import {
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  handleAll,
  timeout,
  TimeoutStrategy,
  wrap,
  type IPolicy,
} from 'cockatiel';
import { Counter } from 'prom-client';

type Client = Awaited<ReturnType<typeof connectingClient>>;
/** What commands are given to. */
export type RedisCommands = Pick<Client, 'eval' | 'mGet' | 'set' | 'ping'>;

/** A command that takes longer is given up: whoever waits for it has something else to do. */
const COMMAND_TIMEOUT_MS = 250;
/** So many failures in a row, and nobody waits for Redis any more … */
const FAILURES_IN_A_ROW = 3;
/** … but once in so long, to see whether it is back. */
const LOOK_AGAIN_MS = 1_000;
const CONNECT_TIMEOUT_MS = 2_000;
const RECONNECT = { firstMs: 50, longestMs: 2_000 } as const;
/** A connection that says nothing in this time is given up: half open ones would otherwise stay for minutes. */
const PING_INTERVAL_MS = 3_000;
const SOCKET_TIMEOUT_MS = 10_000;
/** Commands waiting for their answers; past it they fail at once. */
const MAX_WAITING_COMMANDS = 10_000;

/** Where Redis is and who asks. */
export interface RedisOptions {
  /** `redis://` or `rediss://`; without it there is none, and everything goes the other way. */
  readonly url: string | undefined;
  /** Name of this process, shown by CLIENT LIST. */
  readonly name: string;
}

/**
 * Memory that the replicas of a process share, while it is there. Nothing may depend on it: each command comes with what is done
 * otherwise, within 250 ms at most, and at once while Redis is known to be away. It connects and comes back by itself.
 */
export class Redis implements OnApplicationShutdown {
  readonly #client: Client | undefined;
  readonly #policy: IPolicy;
  readonly #otherwise: Counter | undefined;

  private constructor(client: Client | undefined, metrics: Metrics) {
    const breaker = circuitBreaker(handleAll, {
      halfOpenAfter: LOOK_AGAIN_MS,
      breaker: new ConsecutiveBreaker(FAILURES_IN_A_ROW),
    });
    this.#policy = wrap(breaker, timeout(COMMAND_TIMEOUT_MS, TimeoutStrategy.Aggressive));
    if (client === undefined) return;
    this.#client = client;
    // Also while nobody asks for anything: `redis_up` tells how it is now.
    for (const event of ['ready', 'ping-interval']) {
      client.on(event, () => void this.ask((redis) => redis.ping()));
    }
    breaker.onBreak(() => {
      logger.warn('Redis does not answer: limits and caches are this process’s own until it does');
    });
    breaker.onReset(() => {
      logger.info('Redis answers again: limits and caches are shared');
    });
    this.#otherwise = new Counter({
      name: 'redis_unanswered_total',
      help: 'Commands that Redis did not answer in time, each done by this process alone instead',
      registers: [metrics.registry],
    });
    metrics.gauge('redis_up', 'Whether Redis is used: 1, or 0 while this process goes on without it', () =>
      client.isReady && breaker.state === CircuitState.Closed ? 1 : 0,
    );
  }

  /** Begins to connect, and waits for nothing. */
  static async start({ url, name }: RedisOptions, metrics: Metrics): Promise<Redis> {
    return new Redis(url === undefined ? undefined : await connectingClient(url, name), metrics);
  }

  /** Whether there is one to be used at all. */
  get isConfigured(): boolean {
    return this.#client !== undefined;
  }

  /** Asks Redis; undefined when it does not answer in time. */
  async ask<Answer>(command: (redis: RedisCommands) => Promise<Answer>): Promise<Answer | undefined> {
    const client = this.#client;
    if (client === undefined) return undefined;
    try {
      return await this.#policy.execute(() => command(client));
    } catch {
      this.#otherwise?.inc();
      return undefined;
    }
  }

  onApplicationShutdown(): void {
    // What is in hand has been answered; destroying a client that never connected throws.
    if (this.#client?.isOpen === true) this.#client.destroy();
  }
}

async function connectingClient(url: string, name: string) {
  // Hundreds of files: only a process that uses Redis loads them.
  const { createClient } = await import('@redis/client');
  const client = createClient({
    url,
    name,
    // Commands that wait for a connection would be answered long after their requests.
    disableOfflineQueue: true,
    commandsQueueMaxLength: MAX_WAITING_COMMANDS,
    pingInterval: PING_INTERVAL_MS,
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SOCKET_TIMEOUT_MS,
      reconnectStrategy: (retries) => withJitter(backoff(retries + 1, RECONNECT)),
    },
  });
  let lastReason = '';
  client.on('error', (error: unknown) => {
    // Once for each reason: it comes again with every attempt.
    const reason = error instanceof Error ? error.message : String(error);
    if (reason !== lastReason) logger.warn({ reason }, 'no connection to Redis');
    lastReason = reason;
  });
  client.on('ready', () => {
    lastReason = '';
    logger.info('connected to Redis');
  });
  client.connect().catch((error: unknown) => {
    // Attempts go on for ever; this is a shutdown, or a URL that can never work.
    logger.warn({ reason: error instanceof Error ? error.message : String(error) }, 'connecting to Redis ended');
  });
  return client;
}
