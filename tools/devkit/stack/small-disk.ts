import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Servers whose disk can be filled. */
export type DiskOwner = 'broker' | 'orders';

const SIZE = '768m';
const CHUNK = Buffer.alloc(1024 * 1024);

/** A file system of its own in memory, small enough to be filled. */
export class SmallDisk {
  private constructor(readonly folder: string) {}

  /** Undefined where mounting is not allowed. */
  static mount(folder: string): SmallDisk | undefined {
    mkdirSync(folder, { recursive: true });
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', folder], { stdio: 'ignore' });
    } catch {
      return undefined;
    }
    chmodSync(folder, 0o711);
    return new SmallDisk(folder);
  }

  /** Writes until there is no room for another byte. */
  fill(): void {
    const file = openSync(this.ballast, 'w');
    try {
      while (statfsSync(this.folder).bavail > 0) {
        writeSync(file, CHUNK);
      }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) {
        throw error;
      }
    } finally {
      closeSync(file);
    }
  }

  empty(): void {
    rmSync(this.ballast, { force: true });
  }

  unmount(): void {
    execFileSync('umount', ['--lazy', this.folder], { stdio: 'ignore' });
  }

  private get ballast(): string {
    return join(this.folder, 'ballast');
  }
}
