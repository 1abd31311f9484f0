import 'reflect-metadata';
import { loadConfig, runService } from '@rookery/platform';
import { payments } from './payments';
import { PaymentsConfig } from './payments.config';

await runService(payments(loadConfig(PaymentsConfig, { name: 'payments' })));
