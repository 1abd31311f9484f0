// Once per Jest run: a real Postgres and a real nats-server for all specs, unless the environment names some.
import { fileURLToPath } from 'node:url';
import { tsImport } from 'tsx/esm/api';

export default async function setUp() {
  if (process.env.TEST_POSTGRES_URL !== undefined && process.env.TEST_NATS_URL !== undefined) return;
  const { startTestInfrastructure } = await tsImport('./test-infrastructure.ts', {
    parentURL: import.meta.url,
    tsconfig: fileURLToPath(new URL('../../tsconfig.json', import.meta.url)),
  });
  globalThis.rookeryInfrastructure = await startTestInfrastructure();
  Object.assign(process.env, globalThis.rookeryInfrastructure.env);
}
