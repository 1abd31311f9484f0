import { loadConfig, runService } from '@rookery/platform';
import { GatewayConfig } from './gateway.config';
import { gatewayService } from './gateway.service';

await runService(gatewayService(loadConfig(GatewayConfig, { name: 'gateway' })));
