import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@rookery/testing';
import { lockHolder } from '../stack/data-lock';
import { systemOf } from './addresses';

const folder = mkdtempSync(join(tmpdir(), 'rookery-system-'));
const env = { ROOKERY_DATA_DIR: folder };
let stack: ChildProcess | undefined;

beforeAll(() => {
  mkdirSync(join(folder, 'env'));
  writeFileSync(join(folder, 'env/gateway.env'), 'PORT=4100\nPUBLIC_URL=http://localhost:4100\n');
  writeFileSync(join(folder, 'env/auth.env'), 'OIDC_ISSUER=http://localhost:4101\n');
});
afterAll(() => {
  stack?.kill();
  rmSync(folder, { recursive: true });
});

describe('the system that a program talks to', () => {
  it('is at the default ports when none runs here, and that is said', () => {
    const system = systemOf(env);
    expect(system).toMatchObject({ gatewayUrl: 'http://localhost:3000', authUrl: 'http://localhost:3001' });
    expect(system.because).toContain('no stack runs on');
    expect(system.isGuess).toBe(true);
  });

  it('is the one that runs on the data folder, wherever its ports are', async () => {
    // What `npm start` leaves while it runs: a lock with the number of one of our processes.
    stack = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1_000)', 'tools/cli/commands/start.ts']);
    writeFileSync(join(folder, 'lock'), `${stack.pid}\n`);
    await eventually(() => expect(lockHolder(folder)).toBe(stack?.pid));
    expect(systemOf(env)).toEqual({
      gatewayUrl: 'http://localhost:4100',
      authUrl: 'http://localhost:4101',
      because: `the stack that runs on ${folder}`,
      isGuess: false,
    });
  });

  it('is what the environment names', () => {
    expect(systemOf({ ...env, GATEWAY_PORT: '5000', AUTH_PORT: '5001' })).toMatchObject({
      gatewayUrl: 'http://localhost:5000',
      authUrl: 'http://localhost:5001',
    });
    expect(systemOf({ ...env, GATEWAY_URL: 'https://shop.example', AUTH_URL: 'https://id.example' })).toEqual({
      gatewayUrl: 'https://shop.example',
      authUrl: 'https://id.example',
      because: 'GATEWAY_URL, AUTH_URL',
      isGuess: false,
    });
  });
});
