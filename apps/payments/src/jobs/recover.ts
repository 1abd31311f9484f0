import 'reflect-metadata';
import { recoverService, recoveryConfig } from '@rookery/messaging';
import { loadConfig } from '@rookery/platform';

await recoverService('payments', loadConfig(recoveryConfig, { name: 'payments recovery' }));
