// Once per Jest run with end-to-end specs: the run's Postgres and nats-server, and a whole stack on them.
import { fileURLToPath } from 'node:url';
import { tsImport } from 'tsx/esm/api';
import setUpInfrastructure from './jest-global-setup.mjs';
import tearDown from './jest-global-teardown.mjs';

export default async function setUp(globalConfig) {
  if (process.env.E2E_GATEWAY_URL !== undefined) return;
  await setUpInfrastructure(globalConfig);
  try {
    const { startEndToEndStack, testStackEnv } = await tsImport('./e2e-stack.ts', {
      parentURL: import.meta.url,
      tsconfig: fileURLToPath(new URL('../../../tsconfig.json', import.meta.url)),
    });
    globalThis.rookeryStack = await startEndToEndStack();
    Object.assign(process.env, testStackEnv(globalThis.rookeryStack));
  } catch (error) {
    await tearDown(); // Jest runs no teardown after a failed set-up
    throw error;
  }
}
