import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { DeadLetterPage } from '@rookery/contracts';
import { ApiClient } from '@rookery/devkit/client/api-client';
import type { TestStack } from '@rookery/devkit/stack/e2e-stack';
import { plantDeadLetter } from '@rookery/devkit/stack/planted-events';
import { brokerLogin } from '@rookery/messaging';
import { OidcIssuer } from '@rookery/testing';
import type { WireRequest, World } from './fuzz-case';
import type { Target } from './run';
import { type WireAnswer, WireClient } from './send';
import { changedTables, DatabaseState, type Fingerprint } from './state';

/** Well within the ten minutes that an access token lives. */
const TOKEN_USED_MS = 4 * 60_000;
const SETTLED_WITHIN_MS = 60_000;
/** Nothing may change for so long before the state counts as settled. */
const STILL_MS = 200;

/** A whole running stack to be fuzzed: its gateway, its four databases, and people who are signed in. */
export class FuzzedStack implements Target {
  private clients: { readonly alice: ApiClient; readonly olga: ApiClient; readonly since: number } | undefined;

  private constructor(
    private readonly stack: TestStack,
    private readonly client: WireClient,
    private readonly state: DatabaseState,
    private readonly broker: NatsConnection,
    private readonly forger: OidcIssuer,
  ) {}

  static async open(stack: TestStack): Promise<FuzzedStack> {
    const { infrastructure, gatewayUrl } = stack;
    const [state, broker, forger] = await Promise.all([
      DatabaseState.open(infrastructure.databases),
      connect({
        servers: infrastructure.broker.url,
        ...brokerLogin({ nkeySeed: infrastructure.broker.seeds.admin }),
      }),
      OidcIssuer.start(),
    ]);
    return new FuzzedStack(stack, new WireClient(gatewayUrl.replace('localhost', '127.0.0.1')), state, broker, forger);
  }

  send(wire: WireRequest): Promise<WireAnswer> {
    return this.client.send(wire);
  }

  /** Every secret of the stack: none of them may be in an answer. */
  get secrets(): readonly string[] {
    const secretive = /PASSWORD|KEYS?$/;
    return Object.values(this.stack.envs).flatMap((env) =>
      Object.entries(env).flatMap(([name, value]) => {
        if (name === 'DATABASE_URL') {
          return [new URL(value).password];
        }
        if (name === 'INTERNAL_SIGNING_KEY') {
          return /"d":"([^"]+)"/.exec(value)?.slice(1) ?? [];
        }
        return secretive.test(name) ? value.split(',') : [];
      }),
    );
  }

  async world(): Promise<World> {
    const { alice, olga } = await this.signedIn();
    const addProduct = async (): Promise<string> => (await olga.addProduct({ stock: 1_000_000 })).id;
    const [product, spareProduct] = [await addProduct(), await addProduct()];
    const [deadLetter = '', spareDeadLetter = '', replayableDeadLetter = ''] = await this.deadLetters(olga, 3);
    // The slow one last: it can be canceled only until its payment ends.
    const [order, pendingOrder] = [await alice.buy(product, 1), await alice.buy(product, 1, 'tok_slow')];
    return {
      ids: {
        ...{ product, spareProduct, order: order.id, pendingOrder: pendingOrder.id },
        ...{ deadLetter, spareDeadLetter, replayableDeadLetter },
      },
      authorization: {
        nobody: undefined,
        customer: `Bearer ${alice.token}`,
        operator: `Bearer ${olga.token}`,
        forged: `Bearer ${await this.forgery(olga.token)}`,
      },
    };
  }

  /** Waits until no order is on its way, no event unpublished, and nothing changes any more. */
  async settledState(): Promise<Fingerprint> {
    const deadline = Date.now() + SETTLED_WITHIN_MS;
    for (let last: Fingerprint | undefined; Date.now() < deadline;) {
      const busy = await this.busy();
      const now = busy ? undefined : await this.state.fingerprint();
      if (now !== undefined && last !== undefined && changedTables(last, now).length === 0) {
        return now;
      }
      last = now;
      await sleep(STILL_MS);
    }
    throw new Error(`the work of the stack did not come to rest within ${SETTLED_WITHIN_MS / 1_000} s`);
  }

  async close(): Promise<void> {
    this.client.close();
    await Promise.all([this.state.close(), this.broker.close(), this.forger.close()]);
  }

  private async busy(): Promise<boolean> {
    const waiting = await Promise.all([
      this.state.count('orders', `orders WHERE status = 'Pending'`),
      ...['orders', 'payments', 'products'].map((service) =>
        this.state.count(service, 'outbox WHERE published_at IS NULL'),
      ),
    ]);
    return waiting.some((count) => count > 0);
  }

  private async signedIn(): Promise<{ readonly alice: ApiClient; readonly olga: ApiClient }> {
    if (this.clients !== undefined && Date.now() - this.clients.since < TOKEN_USED_MS) {
      return this.clients;
    }
    const [alice, olga] = [await ApiClient.signIn(this.stack, 'alice'), await ApiClient.signIn(this.stack, 'olga')];
    this.clients = { alice, olga, since: Date.now() };
    return this.clients;
  }

  /** One that says everything right but is signed by a stranger, or the real one with one claim changed. */
  private async forgery(real: string): Promise<string> {
    const [head = '', , signature = ''] = real.split('.');
    const claims = {
      iss: this.stack.authUrl,
      sub: 'olga',
      aud: 'rookery-api',
      exp: Math.ceil(Date.now() / 1_000) + 900,
    };
    const changed = `${head}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`;
    const signed = this.forger.token({
      issuer: this.stack.authUrl,
      subject: 'olga',
      roles: ['operator'],
      scopes: ['catalog:write', 'orders:read', 'orders:write', 'ops:read', 'ops:write'],
    });
    return Math.random() < 0.5 ? changed : signed;
  }

  /** Ids of dead letters that can be read: those that are there, or events that are put among those given up. */
  private async deadLetters(olga: ApiClient, count: number): Promise<readonly string[]> {
    const deadline = Date.now() + SETTLED_WITHIN_MS;
    for (let published = false; Date.now() < deadline; published = true) {
      const { items } = await olga.get(DeadLetterPage, `/v1/ops/dead-letters?consumer=payments&limit=${count}`);
      const ids = items.map(({ id }) => id);
      if (ids.length === count) {
        return ids;
      }
      if (!published) {
        for (let missing = count - ids.length; missing > 0; missing -= 1) {
          await plantDeadLetter(this.broker);
        }
      }
      await sleep(STILL_MS);
    }
    throw new Error(`no dead letter came within ${SETTLED_WITHIN_MS / 1_000} s`);
  }
}

/** Settings of a stack that is to be fuzzed: orders end soon, so that the state comes to rest. */
export const FUZZ_ORDER_DEADLINE_SECONDS = 5;
