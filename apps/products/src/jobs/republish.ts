import 'reflect-metadata';
import { republish, republishConfig } from '@rookery/persistence';
import { loadConfig } from '@rookery/platform';

await republish('products', loadConfig(republishConfig, { name: 'products republishing' }));
