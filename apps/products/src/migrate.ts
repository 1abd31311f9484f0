import 'reflect-metadata';
import { migrate } from '@rookery/persistence';
import { databaseConfig, loadConfig } from '@rookery/platform';
import { z } from 'zod';
import { productsDatabase } from './data-source';

const config = loadConfig(z.object(databaseConfig), { name: 'products migrations' });
await migrate('products', productsDatabase(config.DATABASE_URL, undefined, config.DATABASE_SESSION_URL));
