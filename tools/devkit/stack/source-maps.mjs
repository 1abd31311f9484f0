// Loaded before an app: stack traces name our TypeScript. `--enable-source-maps` would read the maps of every dependency too, a tenth of a start and more.
import { setSourceMapsSupport } from 'node:module';

setSourceMapsSupport(true);
