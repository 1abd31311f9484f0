import 'reflect-metadata';
import { loadConfig, runService } from '@rookery/platform';
import { orders } from './orders';
import { OrdersConfig } from './orders.config';

await runService(orders(loadConfig(OrdersConfig, { name: 'orders' })));
