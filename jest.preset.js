import { swc } from './swc.config.mjs';

// Shared by every project: SWC (decorators with metadata) in ESM mode, the @rookery/* libs from source,
// and one real Postgres and NATS for the whole run.

/** @param {string} name project name as Nx knows it */
export function projectConfig(name, overrides = {}) {
  return {
    displayName: name,
    testEnvironment: 'node',
    // A deadline for machines under load, not a measure of speed.
    testTimeout: 60_000,
    testMatch: ['<rootDir>/**/*.spec.ts', '<rootDir>/**/*.int-spec.ts'],
    extensionsToTreatAsEsm: ['.ts'],
    moduleFileExtensions: ['ts', 'js', 'mjs', 'json', 'node'],
    transform: { '^.+\\.ts$': ['@swc/jest', swc] },
    transformIgnorePatterns: ['/node_modules/'],
    moduleNameMapper: {
      '^@rookery/([a-z]+)$': new URL('./libs/$1/src/index.ts', import.meta.url).pathname,
      '^@rookery/(devkit|release|verify)/(.+)$': new URL('./tools/$1/$2', import.meta.url).pathname,
    },
    setupFiles: [new URL('./jest.setup.mjs', import.meta.url).pathname],
    globalSetup: new URL('./tools/devkit/stack/jest-global-setup.mjs', import.meta.url).pathname,
    globalTeardown: new URL('./tools/devkit/stack/jest-global-teardown.mjs', import.meta.url).pathname,
    ...overrides,
  };
}
