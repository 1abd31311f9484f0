import 'reflect-metadata';
import { auth } from './auth';

await auth.run();
