import 'reflect-metadata';
import { migrate } from '@rookery/persistence';
import { productsDatabase } from './database';

await migrate('products', productsDatabase);
