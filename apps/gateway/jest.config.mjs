import { projectConfig } from '../../jest.preset.js';

const setup = (path) => new URL(path, import.meta.url).pathname;

export default projectConfig('gateway', {
  setupFiles: [setup('../../jest.setup.mjs'), setup('./test/nest-first.mjs')],
});
