import { isKeyed, type RpcContract, type Scope } from '@rookery/contracts';
import type { RpcClient } from '@rookery/messaging';
import { newTraceparent, runInContext, uuidv7, type Actor } from '@rookery/platform';
import type { z } from 'zod';
import type { TestBroker } from './test-broker';

/** A customer with all scopes of a customer, unless told otherwise. */
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

/** What a call is made with. */
export interface CallOptions {
  /** For whom; nobody unless given. */
  readonly actor?: Actor;
  /** A fresh one unless given, for a request that needs one; null sends none. */
  readonly idempotencyKey?: string | null;
  readonly correlationId?: string;
  readonly timeoutMs?: number;
}

/** Calls services as the gateway does: over the broker, with its permissions, tokens and headers. */
export class TestCaller {
  private constructor(private readonly client: RpcClient) {}

  /** A caller on the broker's connections; it ends with them. */
  static async connect(broker: TestBroker, caller: 'gateway' | 'orders' = 'gateway'): Promise<TestCaller> {
    return new TestCaller(await broker.rpcClient(caller));
  }

  /** The response as the contract has it. A Problem is thrown as RemoteProblem: `rejects.toMatchObject({ status, code })`. */
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
