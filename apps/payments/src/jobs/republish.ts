import 'reflect-metadata';
import { republish, republishConfig } from '@rookery/persistence';
import { loadConfig } from '@rookery/platform';

await republish('payments', loadConfig(republishConfig, { name: 'payments republishing' }));
