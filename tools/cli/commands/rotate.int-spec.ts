import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repository } from '@rookery/devkit/stack/repository';

describe('npm run rotate -- signing-key', () => {
  it('looks for the stack in the data folder it is told, and nowhere else', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rookery-rotate-'));
    try {
      const run = promisify(execFile)(
        process.execPath,
        ['--import', 'tsx', 'tools/cli/commands/rotate.ts', 'signing-key'],
        {
          cwd: repository,
          env: { ...process.env, NODE_OPTIONS: '', ROOKERY_DATA_DIR: folder },
        },
      );
      await expect(run).rejects.toThrow(join(folder, 'env/auth.env'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
