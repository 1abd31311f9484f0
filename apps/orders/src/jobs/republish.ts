import 'reflect-metadata';
import { republish, republishConfig } from '@rookery/persistence';
import { loadConfig } from '@rookery/platform';

await republish('orders', loadConfig(republishConfig, { name: 'orders republishing' }));
