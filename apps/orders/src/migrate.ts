import 'reflect-metadata';
import { migrate } from '@rookery/persistence';
import { databaseConfig, loadConfig } from '@rookery/platform';
import { z } from 'zod';
import { ordersDatabase } from './data-source';

const config = loadConfig(z.object(databaseConfig), { name: 'orders migrations' });
await migrate('orders', ordersDatabase(config.DATABASE_URL, undefined, config.DATABASE_SESSION_URL));
