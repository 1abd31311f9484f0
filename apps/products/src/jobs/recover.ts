import 'reflect-metadata';
import { recoverService, recoveryConfig } from '@rookery/messaging';
import { loadConfig } from '@rookery/platform';

await recoverService('products', loadConfig(recoveryConfig, { name: 'products recovery' }));
