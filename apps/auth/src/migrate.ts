import 'reflect-metadata';
import { migrate } from '@rookery/persistence';
import { databaseConfig, loadConfig } from '@rookery/platform';
import { z } from 'zod';
import { authDatabase } from './data-source';

const config = loadConfig(z.object(databaseConfig), { name: 'auth migrations' });
await migrate('auth', authDatabase(config));
