import { projectConfig } from '../../jest.preset.js';

// The specs of this project share one whole stack, started once per run.
export default projectConfig('e2e', {
  globalSetup: new URL('../../tools/devkit/stack/e2e-global-setup.mjs', import.meta.url).pathname,
  globalTeardown: new URL('../../tools/devkit/stack/e2e-global-teardown.mjs', import.meta.url).pathname,
});
