import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPromtool } from './promtool';

describe('promtool', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'rookery-promtool-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is that of PROMTOOL_BIN, and else the first in the PATH', async () => {
    const program = join(folder, 'promtool');
    writeFileSync(program, '#!/bin/sh\n');
    chmodSync(program, 0o755);
    const binFolder = join(folder, 'bin');
    await expect(findPromtool({ binFolder, env: { PROMTOOL_BIN: program, PATH: '' } })).resolves.toBe(program);
    await expect(findPromtool({ binFolder, env: { PATH: `/nowhere:${folder}` } })).resolves.toBe(program);
  });

  it('cannot be had without Debian’s package tool, and the error says what was tried and what to do', async () => {
    const found = findPromtool({ binFolder: join(folder, 'bin'), env: { PATH: '' }, aptGet: join(folder, 'apt-get') });
    await expect(found).rejects.toThrow(
      /PROMTOOL_BIN[\s\S]*prometheus: there is no apt-get here[\s\S]*promtool: there is/,
    );
  });
});
