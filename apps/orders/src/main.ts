import 'reflect-metadata';
import { orders } from './service';

await orders.run();
