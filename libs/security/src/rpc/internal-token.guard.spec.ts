import { Controller } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/internal';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { exportJWK, generateKeyPair } from 'jose';
import { OrdersRpc, ProductsRpc } from '@rookery/contracts';
import {
  type Actor,
  configureLogger,
  newTraceparent,
  type RequestContext,
  RPC_CONTRACT,
  runInContext,
} from '@rookery/platform';
import { InsufficientScope } from '../http/challenges';
import { InternalTokenIssuer, InternalTokenVerifier, InvalidInternalToken } from './internal-token';
import { InternalTokenGuard } from './internal-token.guard';

@Controller()
class Handlers {
  @MessagePattern('rpc.orders.get')
  scoped(): void {
    return;
  }
  @MessagePattern('rpc.orders.open')
  open(): void {
    return;
  }
  @MessagePattern('rpc.orders.bare')
  bare(): void {
    return;
  }
  @EventPattern('events.payments.>')
  event(data: unknown): unknown {
    return data;
  }
}
Reflect.defineMetadata(RPC_CONTRACT, OrdersRpc.get, Handlers.prototype.scoped);
Reflect.defineMetadata(RPC_CONTRACT, ProductsRpc.get, Handlers.prototype.open);

const actor = (scopes: readonly string[]): Actor => ({
  subject: 'alice',
  issuer: 'http://localhost:3001',
  clientId: null,
  scopes,
  roles: [],
});

describe('the guard of requests over NATS', () => {
  let guard: InternalTokenGuard;
  let issuer: InternalTokenIssuer;
  beforeAll(async () => {
    configureLogger('test', 'silent');
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const key = { ...(await exportJWK(privateKey)), kid: 'gateway' };
    const known = { ...(await exportJWK(publicKey)), kid: 'gateway' };
    issuer = new InternalTokenIssuer({ key, issuer: 'gateway' });
    guard = new InternalTokenGuard(
      new InternalTokenVerifier({ jwks: { keys: [known] }, audience: 'orders' }),
      new Reflector(),
    );
  });

  const enter = async (method: keyof Handlers, authorization: string | undefined, type = 'rpc') => {
    const execution = new ExecutionContextHost([{}, {}], Handlers, Handlers.prototype[method]);
    execution.setType(type);
    const context: RequestContext = { correlationId: 'corr-0001', traceparent: newTraceparent(), authorization };
    const allowed = await runInContext(context, () => guard.canActivate(execution));
    return { allowed, actor: context.actor };
  };

  it('sets the token’s actor in the context when it holds the contract’s scopes', async () => {
    const token = await issuer.sign('orders', actor(['orders:read']));
    expect(await enter('scoped', token)).toEqual({ allowed: true, actor: actor(['orders:read']) });
    expect((await enter('scoped', `Bearer ${token}`)).allowed).toBe(true);
  });

  it('rejects an actor without the contract’s scopes, and a call without an actor', async () => {
    await expect(enter('scoped', await issuer.sign('orders', actor(['orders:write'])))).rejects.toBeInstanceOf(
      InsufficientScope,
    );
    await expect(enter('scoped', await issuer.sign('orders'))).rejects.toBeInstanceOf(InsufficientScope);
  });

  it('demands a token even if the contract needs no scope', async () => {
    expect((await enter('open', await issuer.sign('orders'))).allowed).toBe(true);
    await expect(enter('open', undefined)).rejects.toBeInstanceOf(InvalidInternalToken);
    await expect(enter('open', await issuer.sign('products'))).rejects.toBeInstanceOf(InvalidInternalToken);
  });

  it('rejects a request handler that has no contract', async () => {
    await expect(enter('bare', await issuer.sign('orders'))).rejects.toBeInstanceOf(InvalidInternalToken);
  });

  it('leaves events to the broker’s permissions and HTTP to its own guard', async () => {
    expect((await enter('event', undefined)).allowed).toBe(true);
    expect((await enter('scoped', undefined, 'http')).allowed).toBe(true);
  });
});
