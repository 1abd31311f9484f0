import 'reflect-metadata';
import { payments } from './service';

await payments.run();
