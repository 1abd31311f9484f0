import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '@rookery/devkit/stack/repository';

describe('the SQL of the services', () => {
  it('has no EXISTS behind an OR, for which a kept plan may read all rows (decision 45)', () => {
    const files = execFileSync('git', ['ls-files', 'apps/*/src/**/*.ts', 'libs/*/src/**/*.ts'], {
      cwd: repository,
      encoding: 'utf8',
    })
      .trimEnd()
      .split('\n');
    expect(files.length).toBeGreaterThan(300);
    expect(files.filter((file) => /\bOR (?:NOT )?EXISTS\b/.test(readFileSync(join(repository, file), 'utf8')))).toEqual(
      [],
    );
  });
});
