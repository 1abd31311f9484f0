import 'reflect-metadata';
import { migrate } from '@rookery/persistence';
import { authDatabase } from './data-source';

await migrate('auth', authDatabase);
