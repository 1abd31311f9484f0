import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repository } from '@rookery/devkit/stack/repository';

const folder = mkdtempSync(join(tmpdir(), 'rookery-help-'));
const kept = join(folder, 'a-database');
writeFileSync(kept, '');
afterAll(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const run = (program: string, ...args: readonly string[]): Promise<Ended> =>
  new Promise((resolve) => {
    const env = { ...process.env, NODE_OPTIONS: '', ROOKERY_DATA_DIR: folder };
    const command = ['--import', 'tsx', join(repository, 'tools', program), ...args];
    const child = execFile(process.execPath, command, { cwd: repository, env }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? 1, stdout, stderr }),
    );
  });

describe('a program that is asked how it is called', () => {
  it.each([
    'cli/commands/certs.ts',
    'verify/fuzz/fuzz.ts',
    'cli/commands/reset.ts',
    'cli/commands/start.ts',
    'cli/commands/infra.ts',
    'cli/commands/demo.ts',
    'cli/commands/seed.ts',
    'cli/commands/sbom.ts',
    'cli/generate/generate.ts',
  ])('tools/%s says so and does nothing', async (program) => {
    const { code, stdout, stderr } = await run(program, '--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Usage: npm (?:run |start)/);
    expect(existsSync(kept)).toBe(true);
  });

  it('deletes nothing for an argument that it does not know', async () => {
    const { code, stderr } = await run('cli/commands/reset.ts', '--dry-run');
    expect(code).toBe(1);
    expect(stderr).toContain('Usage: npm run reset');
    expect(existsSync(kept)).toBe(true);
  });
});
