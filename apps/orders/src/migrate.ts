import 'reflect-metadata';
import { migrate } from '@rookery/persistence';
import { ordersDatabase } from './database';

await migrate('orders', ordersDatabase);
