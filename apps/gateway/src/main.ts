import { gateway } from './gateway.service';

await gateway.run();
