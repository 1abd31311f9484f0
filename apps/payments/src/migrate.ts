import 'reflect-metadata';
import { migrate } from '@rookery/persistence';
import { databaseConfig, loadConfig } from '@rookery/platform';
import { z } from 'zod';
import { paymentsDatabase } from './data-source';

const config = loadConfig(z.object(databaseConfig), { name: 'payments migrations' });
await migrate('payments', paymentsDatabase(config.DATABASE_URL, undefined, config.DATABASE_SESSION_URL));
