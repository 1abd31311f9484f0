import 'reflect-metadata';
import { migrate } from '@rookery/persistence';
import { paymentsDatabase } from './database';

await migrate('payments', paymentsDatabase);
