import 'reflect-metadata';
import { loadConfig, runService } from '@rookery/platform';
import { auth } from './auth';
import { AuthConfig } from './auth.config';

await runService(auth(loadConfig(AuthConfig, { name: 'auth' })));
