import { setTimeout as sleep } from 'node:timers/promises';
import { AuthorizationError, type ConnectionOptions, type NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import type { OnApplicationShutdown } from '@nestjs/common';
import { type HealthCheck, logger, Metrics } from '@rookery/platform';
import { endsWithin } from '../concurrency/in-flight';
import { coalesceWrites } from './coalesced-writes';
import { nkeyLogin } from './nkey-login';
import { jetstreamInboxPrefixOf } from './permissions';
import { requireSupportedNatsServer, UnsupportedNatsServer } from './server-version';

/** PEM texts. Without `ca`, the authorities that Node trusts apply. `cert` and `key` are given together or not at all. */
export interface NatsTls {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Address of the broker and identity of the connecting process. */
export interface NatsOptions {
  /** Name of the connecting process. */
  readonly service: string;
  /** `nats://host:port`; several addresses are separated by commas. */
  readonly url: string;
  /** Seed of the process's nkey (`SU…`). It proves the identity of the process and never leaves it. */
  readonly nkeySeed: string;
  /** Authorities and client certificate for a broker with TLS. */
  readonly tls?: NatsTls | undefined;
  /**
   * Time limit of the first connection, in ms.
   * @default 10_000
   */
  readonly connectTimeoutMs?: number;
}

/** A condition of the health check besides the connection. */
export interface HealthPart {
  /** Words that follow "not" in the failure: `consuming ORDERS`. */
  readonly what: string;
  readonly alive: boolean;
}

/** At start, the broker was unreachable or rejected the user. The message names the setting to correct and contains no secret. */
export class NatsUnreachable extends Error {
  override readonly name = 'NatsUnreachable';
}

const CONNECT_TIMEOUT_MS = 10_000;
const ATTEMPT_TIMEOUT_MS = 2_000;
const RETRY_MS = 500;

/**
 * The process's single connection to NATS, shared by all its clients and servers. After the first connection it reconnects without limit.
 * It notices a broken connection within 30 s (a ping every 10 s, two of which may stay unanswered).
 */
export class Nats implements HealthCheck, OnApplicationShutdown {
  readonly name = 'nats';
  private isConnected = true;
  private disconnections = 0;
  private readonly parts: HealthPart[] = [];
  private readonly reconnectListeners: (() => void)[] = [];

  private constructor(
    /** Name of this process. */
    readonly service: string,
    /** The shared connection. While it is not `connected`, publishing only fills a buffer. */
    readonly connection: NatsConnection,
    /** Metrics of the servers and clients on this connection. */
    readonly metrics: Metrics,
  ) {
    void this.watch();
  }

  /**
   * Connects, with retries until `connectTimeoutMs`.
   * @throws {NatsUnreachable} when the broker cannot be reached in time or does not know the key
   * @throws {UnsupportedNatsServer} at once
   */
  static async connect(options: NatsOptions, metrics = new Metrics()): Promise<Nats> {
    // An invalid seed fails before the first attempt to connect.
    const login = brokerLogin(options);
    const giveUpAt = Date.now() + (options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS);
    for (;;) {
      try {
        return new Nats(options.service, await connectOnce(options, login), metrics);
      } catch (error) {
        if (error instanceof UnsupportedNatsServer) {
          throw error;
        }
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

  /** Whether the connection is up, as far as the client knows. */
  get connected(): boolean {
    return this.isConnected && !this.connection.isClosed() && !this.connection.isDraining();
  }

  /**
   * Publishes a change notification, which has no body and no guarantee. It is dropped while the connection is down: the client would
   * send some of them late, and readers read anew by themselves after an outage.
   */
  notify(subject: string): void {
    if (this.connected) {
      this.connection.publish(subject);
    }
  }

  /** The health check fails while this part is not alive. */
  dependOn(part: HealthPart): void {
    this.parts.push(part);
  }

  /** Calls the listener after each reconnection. */
  onReconnect(listener: () => void): void {
    this.reconnectListeners.push(listener);
  }

  /** Increases with each disconnection: earlier deliveries may belong to a broker state that is lost. */
  get generation(): number {
    return this.disconnections;
  }

  /** @throws {Error} unless the broker answers within 1.5 s, all streams of this process are consumed, and its own stream stores events */
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

  /** Flushes the buffer and closes. Nest calls it after its microservices have closed. */
  async close(): Promise<void> {
    if (this.connection.isClosed()) {
      return;
    }
    // Without a broker, draining would only use up the grace period.
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
          for (const listener of this.reconnectListeners) {
            listener();
          }
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

/** Options of `nats.connect` that log in by nkey, over TLS if it is configured. */
export const brokerLogin = ({ nkeySeed, tls }: Pick<NatsOptions, 'nkeySeed' | 'tls'>): ConnectionOptions => ({
  authenticator: nkeyLogin(nkeySeed),
  ...(tls === undefined ? {} : { tls: { ...tls } }),
});

/** The connection options from the settings of a process. */
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
  // With a tls:// address the client must refuse a broker without TLS.
  const wanted = NATS_URL.includes('tls://') || ca !== undefined || cert !== undefined || key !== undefined;
  return wanted ? { ca, cert, key } : undefined;
}

async function connectOnce({ service, url }: NatsOptions, login: ConnectionOptions): Promise<NatsConnection> {
  const connection = await connect({
    servers: url.split(',').map((server) => server.trim()),
    ...login,
    name: service,
    // For replies of JetStream. Those of other services arrive at a ReplyInbox.
    inboxPrefix: jetstreamInboxPrefixOf(service),
    timeout: ATTEMPT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    // A restarting broker that has not loaded its users yet must not end the connection for good.
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    pingInterval: 10_000,
    maxPingOut: 2,
    // Otherwise every request captures two stack traces in advance, for errors that are rare.
    noAsyncTraces: true,
  });
  coalesceWrites(connection);
  try {
    requireSupportedNatsServer(connection.info?.version ?? '');
  } catch (error) {
    await connection.close();
    throw error;
  }
  return connection;
}

const withoutCredentials = (url: string): string => url.replace(/\/\/[^/@]*@/g, '//');
