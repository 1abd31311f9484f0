// Moleculer's own gateway, in a process of its own.
import ApiGateway from 'moleculer-web';
import { isReady, setting } from '../shop';
import { brokerOf } from './broker';

const broker = brokerOf('gateway');
broker.createService({
  name: 'api',
  mixins: [ApiGateway],
  settings: {
    ip: '127.0.0.1',
    port: Number(setting('PORT')),
    routes: [
      {
        path: '/v1',
        bodyParsers: { json: true },
        mappingPolicy: 'restrict',
        aliases: {
          'GET products': 'products.list',
          'GET products/:id': 'products.get',
          'GET orders': 'orders.list',
          'POST orders': 'orders.place',
        },
      },
    ],
  },
});
await broker.start();
await broker.waitForServices(['products', 'orders']);
isReady();
