// Once per Jest run: a real Postgres and a real nats-server for all specs, unless the environment names some or only unit specs run.
import { globSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tsImport } from 'tsx/esm/api';

/** An editor's runner or a bare `jest` may start another Node, without the flags for ES modules: every import would fail, far from the cause. */
function requirePinnedNode() {
  const { node: pinned } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  ).devDependencies;
  const flags = `${process.execArgv.join(' ')} ${process.env.NODE_OPTIONS ?? ''}`;
  if (process.versions.node === pinned && flags.includes('--experimental-vm-modules')) return;
  throw new Error(
    `Specs need Node ${pinned} with --experimental-vm-modules; this is ${process.versions.node}. Run \`npm run spec -- <path>\`, or let the editor run node_modules/node/bin/node --experimental-vm-modules node_modules/jest/bin/jest.js.`,
  );
}

/** Whether the run names unit specs only: `*.spec.ts` files, or folders without `*.int-spec.ts`. They need no server. */
function runsOnlyUnitSpecs({ rootDir, testPathPatterns }) {
  const { patterns } = testPathPatterns;
  return (
    patterns.length > 0 &&
    patterns.every((pattern) => {
      const path = resolve(rootDir, pattern);
      const stats = statSync(path, { throwIfNoEntry: false });
      if (stats?.isDirectory()) return globSync(join(path, '**/*.int-spec.ts')).length === 0;
      return stats !== undefined && path.endsWith('.spec.ts');
    })
  );
}

export default async function setUp(globalConfig) {
  requirePinnedNode();
  if (runsOnlyUnitSpecs(globalConfig)) return;
  if (process.env.TEST_POSTGRES_URL !== undefined && process.env.TEST_NATS_URL !== undefined) return;
  const { startTestInfrastructure } = await tsImport('./test-infrastructure.ts', {
    parentURL: import.meta.url,
    tsconfig: fileURLToPath(new URL('../../../tsconfig.json', import.meta.url)),
  });
  globalThis.rookeryInfrastructure = await startTestInfrastructure();
  Object.assign(process.env, globalThis.rookeryInfrastructure.env);
}
