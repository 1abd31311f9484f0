import { randomBytes } from 'node:crypto';
import { JetStreamServer } from '@rookery/messaging';
import { configureLogger, createService } from '@rookery/platform';
import {
  type EventRecorder,
  handledEvents,
  internalKeys,
  recordEvents,
  testActor,
  testBroker,
  type TestBroker,
  TestCaller,
  testDatabase,
  type TestDatabase,
} from '@rookery/testing';
import { productsDatabase } from '../src/database';
import { ProductsConfig } from '../src/products.config';
import { products } from '../src/service';

export const alice = testActor({ subject: 'alice' });
export const olga = testActor({
  subject: 'olga',
  roles: ['operator'],
  scopes: ['catalog:write', 'orders:read', 'ops:read'],
});

/** The whole service on a real database and a real broker. It calls nobody; its neighbours are the events a spec publishes. */
export interface RunningProducts {
  readonly database: TestDatabase;
  readonly broker: TestBroker;
  readonly caller: TestCaller;
  readonly published: EventRecorder;
  /** The events it has handlers for, and those it should have. */
  handledEvents(): ReturnType<typeof handledEvents>;
  /** Answer of the service's own HTTP port. */
  get(path: string): Promise<{ readonly statusCode: number; readonly body: string }>;
  stop(): Promise<void>;
}

export async function startProducts(): Promise<RunningProducts> {
  const [database, broker, keys] = await Promise.all([
    testDatabase('products', productsDatabase({ DATABASE_URL: 'postgres://unused' })),
    testBroker(),
    internalKeys(),
  ]);
  const config = ProductsConfig.parse({
    ...broker.envOf('products'),
    LOG_LEVEL: 'silent',
    DATABASE_URL: database.url,
    INTERNAL_JWKS: keys.jwksSetting,
    CURSOR_KEY: randomBytes(32).toString('base64url'),
  });
  configureLogger('products', config.LOG_LEVEL);
  const app = await createService(products.options(config));
  await app.init();
  await app.startAllMicroservices();
  return {
    database,
    broker,
    caller: await TestCaller.connect(broker),
    published: await recordEvents(broker, 'products'),
    handledEvents: () => handledEvents(app.get(JetStreamServer), 'products'),
    get: (path) => app.inject({ method: 'GET', url: path }),
    stop: async () => {
      await app.close();
      await broker.close();
      await database.drop();
    },
  };
}
