import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Segments with data that each connection has sent since it was opened, by its local address. */
export type Sent = ReadonlyMap<string, number>;

/** Reads what `ss --tcp --info --numeric --no-header --oneline --processes` prints; connections of process `without` are left out. */
export function sentSegments(printed: string, without: number): Sent {
  return new Map(
    printed.split('\n').flatMap((line) => {
      const [, , local] = line.trim().split(/\s+/);
      const sent = /\bdata_segs_out:(\d+)/.exec(line)?.[1];
      const isOther = !line.includes(`pid=${without},`);
      return local !== undefined && sent !== undefined && isOther ? [[local, Number(sent)] as const] : [];
    }),
  );
}

/**
 * Counts the segments with data that clients send to a local port: what is written at once is one segment, as loopback takes 64 KB in one.
 * Statements that travel together are one, so for Postgres this is the number of round trips.
 */
export class SegmentCounter {
  private last: Sent = new Map();
  private sum = 0;
  private reading: Promise<number> = Promise.resolve(0);

  constructor(private readonly port: number) {}

  /** All so far. A connection that was closed since the last call is counted up to then. NaN where there is no `ss`. */
  read(): Promise<number> {
    // One after the other: an older look must not be added behind a newer one.
    this.reading = this.reading.then(() => this.look());
    return this.reading;
  }

  private async look(): Promise<number> {
    try {
      const filter = ['state', 'established', `( dport = :${this.port} )`];
      const { stdout } = await run('ss', [
        '--tcp',
        '--info',
        '--numeric',
        '--no-header',
        '--oneline',
        '--processes',
        ...filter,
      ]);
      return this.add(sentSegments(stdout, process.pid));
    } catch {
      return Number.NaN;
    }
  }

  /** Adds what was sent since the last time. A connection with less than before is another one with the same address. */
  add(now: Sent): number {
    for (const [local, sent] of now) {
      const before = this.last.get(local) ?? 0;
      this.sum += sent >= before ? sent - before : sent;
    }
    this.last = now;
    return this.sum;
  }
}
