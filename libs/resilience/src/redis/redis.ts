import type { OnApplicationShutdown } from '@nestjs/common';
import {
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  handleAll,
  type IPolicy,
  timeout,
  TimeoutStrategy,
  wrap,
} from 'cockatiel';
import { Counter } from 'prom-client';
import { backoff, logger, type Metrics, withJitter } from '@rookery/platform';

type Client = Awaited<ReturnType<typeof connectingClient>>;
/** The commands that are used. */
export type RedisCommands = Pick<Client, 'eval' | 'mGet' | 'set' | 'ping'>;

/** Timeout of a command; its caller then uses its fallback. */
const COMMAND_TIMEOUT_MS = 250;
/** Consecutive failures that open the breaker. */
const FAILURES_IN_A_ROW = 3;
/** Time until a half-open breaker probes Redis again. */
const HALF_OPEN_AFTER_MS = 1_000;
const CONNECT_TIMEOUT_MS = 2_000;
const RECONNECT = { firstMs: 50, longestMs: 2_000 } as const;
/** A silent connection is closed after `SOCKET_TIMEOUT_MS`: half-open ones would otherwise stay for minutes. */
const PING_INTERVAL_MS = 3_000;
const SOCKET_TIMEOUT_MS = 10_000;
/** Most commands in flight; further ones fail immediately. */
const MAX_WAITING_COMMANDS = 10_000;

/** Address of Redis and name of this client. */
export interface RedisOptions {
  /** `redis://` or `rediss://`; without it every command uses its fallback. */
  readonly url: string | undefined;
  /** Name of this process, shown by CLIENT LIST. */
  readonly name: string;
}

/**
 * Memory that the replicas of a process share. It is optional: every caller has a fallback, which it uses after 250 ms at most, and
 * immediately while Redis is known to be away. The client connects and reconnects on its own.
 */
export class Redis implements OnApplicationShutdown {
  private readonly client: Client | undefined;
  private readonly policy: IPolicy;
  private readonly unanswered: Counter | undefined;

  private constructor(client: Client | undefined, metrics: Metrics) {
    const breaker = circuitBreaker(handleAll, {
      halfOpenAfter: HALF_OPEN_AFTER_MS,
      breaker: new ConsecutiveBreaker(FAILURES_IN_A_ROW),
    });
    this.policy = wrap(breaker, timeout(COMMAND_TIMEOUT_MS, TimeoutStrategy.Aggressive));
    if (client === undefined) {
      return;
    }
    this.client = client;
    // Probes without traffic too, so that `redis_up` shows the present state.
    for (const event of ['ready', 'ping-interval']) {
      client.on(event, () => void this.ask((redis) => redis.ping()));
    }
    breaker.onBreak(() => {
      logger.warn('Redis does not answer: limits and caches are local to this process');
    });
    breaker.onReset(() => {
      logger.info('Redis answers again: limits and caches are shared');
    });
    this.unanswered = new Counter({
      name: 'redis_unanswered_total',
      help: 'Commands that Redis did not answer in time, each done by this process alone instead',
      registers: [metrics.registry],
    });
    metrics.gauge('redis_up', 'Whether Redis is used: 1, or 0 while this process goes on without it', () =>
      client.isReady && breaker.state === CircuitState.Closed ? 1 : 0,
    );
  }

  /** Starts to connect and does not wait for the connection. */
  static async start({ url, name }: RedisOptions, metrics: Metrics): Promise<Redis> {
    return new Redis(url === undefined ? undefined : await connectingClient(url, name), metrics);
  }

  /** Whether a URL is configured. */
  get isConfigured(): boolean {
    return this.client !== undefined;
  }

  /**
   * Runs a command; undefined when Redis does not answer in time.
   * @example
   * const value = (await redis.ask((commands) => commands.mGet([key]))) ?? fallback;
   */
  async ask<Answer>(command: (redis: RedisCommands) => Promise<Answer>): Promise<Answer | undefined> {
    const client = this.client;
    if (client === undefined) {
      return undefined;
    }
    try {
      return await this.policy.execute(() => command(client));
    } catch {
      this.unanswered?.inc();
      return undefined;
    }
  }

  onApplicationShutdown(): void {
    // No request is left at this point; destroying a client that never connected throws.
    if (this.client?.isOpen === true) {
      this.client.destroy();
    }
  }
}

async function connectingClient(url: string, name: string) {
  // The package has hundreds of files, so only a process that uses Redis loads it.
  const { createClient } = await import('@redis/client');
  const client = createClient({
    url,
    name,
    // Queued commands would be answered long after their requests ended.
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
    // Logged once per reason: every attempt repeats it.
    const reason = error instanceof Error ? error.message : String(error);
    if (reason !== lastReason) {
      logger.warn({ reason }, 'no connection to Redis');
    }
    lastReason = reason;
  });
  client.on('ready', () => {
    lastReason = '';
    logger.info('connected to Redis');
  });
  client.connect().catch((error: unknown) => {
    // The client retries forever, so this is a shutdown or a URL that can never work.
    logger.warn({ reason: error instanceof Error ? error.message : String(error) }, 'stopped connecting to Redis');
  });
  return client;
}
