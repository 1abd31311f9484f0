import { logger, Metrics, type HealthCheck } from '@rookery/platform';
import { AuthorizationError, type ConnectionOptions, type NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import type { OnApplicationShutdown } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstreamInboxPrefixOf } from './permissions';
import { requireSupportedNatsServer, UnsupportedNatsServer } from './server-version';
import { endsWithin } from '../concurrency/in-flight';
import { nkeyLogin } from './nkey-login';

/** PEM texts. Without `ca` the authorities that Node trusts count; certificate and key belong together. */
export interface NatsTls {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Where the broker is and who connects. */
export interface NatsOptions {
  /** Name of the connecting process. */
  readonly service: string;
  /** `nats://host:port`, several with commas. */
  readonly url: string;
  /** Seed of the process's nkey (`SU…`): it proves who connects, and never leaves the process. */
  readonly nkeySeed: string;
  /** What the broker's certificate is checked by and what it is shown, where it speaks TLS. */
  readonly tls?: NatsTls | undefined;
  /** How long the first connection is tried for. */
  readonly connectTimeoutMs?: number;
}

/** Something that the health check looks at besides the connection. */
export interface HealthPart {
  /** In words that follow a "not": `consuming ORDERS`. */
  readonly what: string;
  readonly alive: boolean;
}

/** The broker could not be reached at start, or refused the user. The message names the variable to mend and holds no secret. */
export class NatsUnreachable extends Error {
  override readonly name = 'NatsUnreachable';
}

const CONNECT_TIMEOUT_MS = 10_000;
const ATTEMPT_TIMEOUT_MS = 2_000;
const RETRY_MS = 500;

/**
 * The process's one connection to NATS, shared by everything that talks over it. After the first connection it reconnects
 * for ever; a broken one is noticed within 30 s (ping every 10 s, two may stay unanswered).
 */
export class Nats implements HealthCheck, OnApplicationShutdown {
  readonly name = 'nats';
  private isConnected = true;
  private disconnections = 0;
  private readonly parts: HealthPart[] = [];
  private readonly whenReconnected: (() => void)[] = [];

  private constructor(
    /** Name of this process. */
    readonly service: string,
    /** The shared connection. While it is not `connected`, publishing only fills a buffer. */
    readonly connection: NatsConnection,
    /** What the servers and clients on this connection count in. */
    readonly metrics: Metrics,
  ) {
    void this.watch();
  }

  /** Connects, trying for `connectTimeoutMs` (10 s); throws `NatsUnreachable`, or `UnsupportedNatsServer` at once. */
  static async connect(options: NatsOptions, metrics = new Metrics()): Promise<Nats> {
    // What is no seed is known before anybody is asked.
    const login = brokerLogin(options);
    const giveUpAt = Date.now() + (options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS);
    for (;;) {
      try {
        return new Nats(options.service, await connectOnce(options, login), metrics);
      } catch (error) {
        if (error instanceof UnsupportedNatsServer) throw error;
        if (error instanceof AuthorizationError) {
          throw new NatsUnreachable(`NATS does not know the key of ${options.service} (NATS_NKEY_SEED)`, {
            cause: error,
          });
        }
        if (Date.now() + RETRY_MS >= giveUpAt) {
          throw new NatsUnreachable(
            `cannot reach NATS at ${withoutCredentials(options.url)} (NATS_URL${options.tls === undefined ? '' : ', NATS_TLS_CA, NATS_TLS_CERT, NATS_TLS_KEY'})`,
            {
              cause: error,
            },
          );
        }
        logger.warn({ url: withoutCredentials(options.url) }, 'NATS is not reachable yet, trying again');
        await sleep(RETRY_MS);
      }
    }
  }

  /** Whether the broker can be reached now, as far as is known. */
  get connected(): boolean {
    return this.isConnected && !this.connection.isClosed() && !this.connection.isDraining();
  }

  /** The health check is red while one of these is not alive. */
  dependOn(part: HealthPart): void {
    this.parts.push(part);
  }

  /** Calls back after each reconnection. */
  onReconnect(listener: () => void): void {
    this.whenReconnected.push(listener);
  }

  /** Grows with each disconnection: deliveries made before one may belong to a broker state that is gone. */
  get generation(): number {
    return this.disconnections;
  }

  /** Throws unless the broker answers within 1.5 s, every stream of this process is consumed, and its own stores what is published. */
  async check(): Promise<void> {
    if (!this.connected) {
      throw new Error('not connected to NATS');
    }
    if (!(await endsWithin(1_500, this.connection.flush()))) {
      throw new Error('NATS does not answer');
    }
    const dead = this.parts.filter((part) => !part.alive).map((part) => `not ${part.what}`);
    if (dead.length > 0) {
      throw new Error(dead.join(', '));
    }
  }

  /** Sends what is buffered and closes. Nest calls it after its microservices have closed. */
  async close(): Promise<void> {
    if (this.connection.isClosed()) {
      return;
    }
    // Without a broker there is nobody to drain to: waiting would only use up the grace period.
    await (this.connected ? this.connection.drain() : this.connection.close());
  }

  async onApplicationShutdown(): Promise<void> {
    await this.close();
  }

  private async watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      switch (status.type) {
        case 'disconnect':
          this.isConnected = false;
          this.disconnections += 1;
          logger.warn('disconnected from NATS');
          break;
        case 'reconnect':
          this.isConnected = true;
          logger.info('reconnected to NATS');
          for (const listener of this.whenReconnected) listener();
          break;
        case 'error':
          logger.error({ reason: status.error.message }, 'NATS reported an error');
          break;
        case 'slowConsumer':
          logger.warn({ pending: status.pending }, 'a NATS subscription is slower than its messages');
          break;
        case 'ldm':
        case 'update':
        case 'close':
        case 'ping':
        case 'reconnecting':
        case 'forceReconnect':
        case 'staleConnection':
          break;
      }
    }
    this.isConnected = false;
  }
}

/** `nats.connect` with this logs in by nkey, over TLS where it is given. */
export const brokerLogin = ({ nkeySeed, tls }: Pick<NatsOptions, 'nkeySeed' | 'tls'>): ConnectionOptions => ({
  authenticator: nkeyLogin(nkeySeed),
  ...(tls === undefined ? {} : { tls: { ...tls } }),
});

/** What the settings of a process say of its connection. */
export const natsOptions = (service: string, config: BrokerSettings): NatsOptions => ({
  service,
  url: config.NATS_URL,
  nkeySeed: config.NATS_NKEY_SEED,
  tls: tlsOf(config),
});

interface BrokerSettings {
  readonly NATS_URL: string;
  readonly NATS_NKEY_SEED: string;
  readonly NATS_TLS_CA?: string | undefined;
  readonly NATS_TLS_CERT?: string | undefined;
  readonly NATS_TLS_KEY?: string | undefined;
}

function tlsOf({
  NATS_URL,
  NATS_TLS_CA: ca,
  NATS_TLS_CERT: cert,
  NATS_TLS_KEY: key,
}: BrokerSettings): NatsTls | undefined {
  // An address that says tls must not lead to a broker that speaks none.
  const wanted = NATS_URL.includes('tls://') || ca !== undefined || cert !== undefined || key !== undefined;
  return wanted ? { ca, cert, key } : undefined;
}

async function connectOnce({ service, url }: NatsOptions, login: ConnectionOptions): Promise<NatsConnection> {
  const connection = await connect({
    servers: url.split(',').map((server) => server.trim()),
    ...login,
    name: service,
    // For JetStream's own answers. Those of other services come to a ReplyInbox.
    inboxPrefix: jetstreamInboxPrefixOf(service),
    timeout: ATTEMPT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    // A broker that restarts with its users not loaded yet must not end the connection for good.
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    pingInterval: 10_000,
    maxPingOut: 2,
    // Otherwise every request takes two stack traces in advance, for errors that hardly ever come.
    noAsyncTraces: true,
  });
  try {
    requireSupportedNatsServer(connection.info?.version ?? '');
  } catch (error) {
    await connection.close();
    throw error;
  }
  return connection;
}

const withoutCredentials = (url: string): string => url.replace(/\/\/[^/@]*@/g, '//');
