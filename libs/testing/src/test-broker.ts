import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { z } from 'zod';
import { type Caller, Callers, recordOf, type Requester } from '@rookery/contracts';
import { type BrokerClient, brokerLogin, EventPublisher, Nats, provisionBroker, RpcClient } from '@rookery/messaging';
import { InternalTokenIssuer } from '@rookery/security';
import { internalKeys } from './internal-keys';
import { requiredEnv } from './required-env';

const Seeds = z.record(z.string(), z.object({ admin: z.string(), ...recordOf(Callers, () => z.string()) }));

/** Login of a process: the options of `MessagingModule.forRoot` and `Nats.connect`. */
export interface BrokerLogin {
  readonly service: Caller;
  readonly url: string;
  readonly nkeySeed: string;
}

/**
 * This Jest worker's account on the real nats-server: all users with their permissions, and empty streams and consumers as in
 * production. Specs of one worker run one after another, so one file at a time uses it.
 */
export class TestBroker {
  private readonly connections: NatsConnection[] = [];

  private constructor(
    /** `NATS_URL`. */
    readonly url: string,
    private readonly seeds: Readonly<Record<BrokerClient, string>>,
  ) {}

  /** Leases the account and recreates its streams and consumers. End it with `close()`. */
  static async lease(): Promise<TestBroker> {
    const account = `W${requiredEnv('JEST_WORKER_ID')}`;
    const seeds = Seeds.parse(JSON.parse(requiredEnv('TEST_NATS_SEEDS')))[account];
    if (seeds === undefined) {
      throw new Error(`the test broker has no account for ${account}: use fewer Jest workers`);
    }
    const broker = new TestBroker(requiredEnv('TEST_NATS_URL'), seeds);
    await broker.reset();
    return broker;
  }

  /** `NATS_NKEY_SEED` of a process or of the admin. */
  seedOf(client: BrokerClient): string {
    return this.seeds[client];
  }

  /** Login of a process. */
  loginOf(process: Caller): BrokerLogin {
    return { service: process, url: this.url, nkeySeed: this.seedOf(process) };
  }

  /** `NATS_URL` and `NATS_NKEY_SEED` of a process or of the admin. */
  envOf(client: BrokerClient): Readonly<Record<'NATS_URL' | 'NATS_NKEY_SEED', string>> {
    return { NATS_URL: this.url, NATS_NKEY_SEED: this.seedOf(client) };
  }

  /** A connection with all permissions in the account. Closed with the broker. */
  async adminConnection(): Promise<NatsConnection> {
    const connection = await connect({ servers: this.url, ...brokerLogin({ nkeySeed: this.seedOf('admin') }) });
    this.connections.push(connection);
    return connection;
  }

  /** A process's connection with its permissions. Closed with the broker. */
  async connect(process: Caller): Promise<Nats> {
    const nats = await Nats.connect(this.loginOf(process));
    this.connections.push(nats.connection);
    return nats;
  }

  /** A process's publisher of events. */
  async publisher(process: Caller): Promise<EventPublisher> {
    return new EventPublisher(await this.connect(process));
  }

  /** A process's client for requests, with its internal tokens. */
  async rpcClient(process: Requester): Promise<RpcClient> {
    const { signingKeyOf } = await internalKeys();
    return new RpcClient(
      await this.connect(process),
      new InternalTokenIssuer({ key: signingKeyOf(process), issuer: process }),
    );
  }

  /** Deletes all messages, and recreates streams and consumers. */
  async reset(): Promise<void> {
    const admin = await this.adminConnection();
    const manager = await jetstreamManager(admin);
    for await (const { config } of manager.streams.list()) {
      await manager.streams.delete(config.name);
    }
    await provisionBroker(admin);
    await admin.close();
  }

  /** Closes every connection of this broker. */
  async close(): Promise<void> {
    await Promise.all(this.connections.map((connection) => connection.close()));
  }
}

/** Leases the broker account of this Jest worker, with fresh streams and consumers. */
export const testBroker = (): Promise<TestBroker> => TestBroker.lease();
