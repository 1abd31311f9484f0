import type { z } from 'zod';
import { isKeyed, type RpcContract, type Scope } from '@rookery/contracts';
import type { RpcClient } from '@rookery/messaging';
import { type Actor, newTraceparent, runInContext, uuidv7 } from '@rookery/platform';
import type { TestBroker } from './test-broker';

/**
 * An actor for tests.
 * @default a customer with all scopes of a customer
 */
export function testActor(actor: Partial<Omit<Actor, 'scopes'>> & { readonly scopes?: readonly Scope[] } = {}): Actor {
  return {
    subject: uuidv7(),
    issuer: 'http://localhost:3001',
    clientId: 'rookery-spec',
    scopes: ['orders:read', 'orders:write'],
    roles: ['customer'],
    ...actor,
  };
}

/** Options of a call. */
export interface CallOptions {
  /** @default no actor */
  readonly actor?: Actor;
  /**
   * Null sends none.
   * @default a new key, for a request that needs one
   */
  readonly idempotencyKey?: string | null;
  readonly correlationId?: string;
  readonly timeoutMs?: number;
}

/** Calls services like the gateway: over the broker, with its permissions, tokens and headers. */
export class TestCaller {
  private constructor(private readonly client: RpcClient) {}

  /** A caller on a connection of the broker, which closes it. */
  static async connect(broker: TestBroker, caller: 'gateway' | 'orders' = 'gateway'): Promise<TestCaller> {
    return new TestCaller(await broker.rpcClient(caller));
  }

  /**
   * The response, parsed by the contract.
   * @throws {RemoteProblem} for a Problem: `rejects.toMatchObject({ status, code })`
   */
  async call<Request extends z.ZodType, Response extends z.ZodType>(
    contract: RpcContract<Request, Response>,
    body: z.input<Request>,
    { actor, idempotencyKey, correlationId = uuidv7(), timeoutMs }: CallOptions = {},
  ): Promise<z.output<Response>> {
    const fresh = isKeyed(contract) ? uuidv7() : null;
    const key = (idempotencyKey === undefined ? fresh : idempotencyKey) ?? undefined;
    const context = { correlationId, traceparent: newTraceparent(), actor, idempotencyKey: key };
    return runInContext(context, () => this.client.call(contract, body, { timeoutMs }));
  }
}
