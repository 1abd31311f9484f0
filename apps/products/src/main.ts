import 'reflect-metadata';
import { loadConfig, runService } from '@rookery/platform';
import { products } from './products';
import { ProductsConfig } from './products.config';

await runService(products(loadConfig(ProductsConfig, { name: 'products' })));
