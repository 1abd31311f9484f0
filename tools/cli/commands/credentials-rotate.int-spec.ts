import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repository } from '@rookery/devkit/stack/repository';

describe('rookery credentials rotate signing-key', () => {
  it('looks for the stack in the data folder that is set, and nowhere else', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rookery-rotate-'));
    try {
      const run = promisify(execFile)(
        process.execPath,
        ['--import', 'tsx', 'tools/cli/main.ts', 'credentials', 'rotate', 'signing-key'],
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
