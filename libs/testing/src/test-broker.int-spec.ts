import { OrderConfirmed, ProductsRpc } from '@rookery/contracts';
import { NotFound, uuidv7 } from '@rookery/platform';
import { eventually } from './eventually';
import { stubRpc } from './stub-rpc';
import { testBroker, type TestBroker } from './test-broker';
import { testActor, TestCaller } from './test-caller';
import { publishEvent, recordEvents } from './test-events';

describe('testBroker', () => {
  let broker: TestBroker;

  beforeEach(async () => {
    broker = await testBroker();
  });

  afterEach(async () => {
    await broker.close();
  });

  it('records what a producer published, once per id', async () => {
    const orderId = uuidv7();
    const id = await publishEvent(broker, OrderConfirmed, { orderId }, { aggregateId: orderId });
    await publishEvent(broker, OrderConfirmed, { orderId }, { aggregateId: orderId, id });
    const last = uuidv7();
    await publishEvent(broker, OrderConfirmed, { orderId: last }, { aggregateId: last });

    const recorded = await recordEvents(broker, 'orders');

    expect(await recorded.next(OrderConfirmed, last)).toEqual({ orderId: last });
    expect(recorded.of(OrderConfirmed, orderId)).toEqual([{ orderId }]);
  });

  it('starts with empty streams', async () => {
    const before = await recordEvents(broker, 'orders');
    const orderId = uuidv7();
    await publishEvent(broker, OrderConfirmed, { orderId }, { aggregateId: orderId });
    await before.next(OrderConfirmed, orderId);

    const next = await testBroker();
    const after = await recordEvents(next, 'orders');
    await publishEvent(next, OrderConfirmed, { orderId });

    await eventually(() => expect(after.messages).toHaveLength(1));
    await next.close();
  });

  it('answers instead of another service, with a response or a Problem', async () => {
    const id = uuidv7();
    const stub = await stubRpc(broker, ProductsRpc.archive, (request) => {
      if (request.id !== id) {
        throw new NotFound('products.product-not-found', 'There is no such product.');
      }
      return {};
    });
    const caller = await TestCaller.connect(broker);

    await expect(caller.call(ProductsRpc.archive, { id, ifMatch: null }, { actor: testActor() })).resolves.toEqual({});
    await expect(caller.call(ProductsRpc.archive, { id: uuidv7(), ifMatch: null })).rejects.toMatchObject({
      status: 404,
      code: 'products.product-not-found',
    });
    expect(stub.requests[0]).toEqual({ id, ifMatch: null });
  });

  it('reports unavailable when neither a service nor a stub answers', async () => {
    const caller = await TestCaller.connect(broker);

    await expect(caller.call(ProductsRpc.archive, { id: uuidv7(), ifMatch: null })).rejects.toMatchObject({
      status: 503,
    });
  });
});
