import 'reflect-metadata';
import { products } from './service';

await products.run();
