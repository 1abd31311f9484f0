import 'reflect-metadata';
import { recoverService, recoveryConfig } from '@rookery/messaging';
import { loadConfig } from '@rookery/platform';

await recoverService('auth', loadConfig(recoveryConfig, { name: 'auth recovery' }));
