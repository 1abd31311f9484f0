import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Clock ticks of /proc per second: USER_HZ is 100 on every platform that Node runs on. */
const TICKS = 100;

/** A line of /proc/<pid>/smaps_rollup. */
type Figure = 'Rss' | 'Pss' | 'Private_Dirty';

interface Stat {
  readonly parent: number;
  readonly ticks: number;
}

/** CPU-seconds of a process with all its children, also those that have ended; undefined where there is no /proc. */
export function cpuSecondsOf(pid: number | undefined): number | undefined {
  const all = processes();
  if (pid === undefined || !all.has(pid)) {
    return undefined;
  }
  return descendants(pid, all).reduce((sum, member) => sum + (all.get(member)?.ticks ?? 0), 0) / TICKS;
}

/**
 * Memory in MiB; undefined where there is no /proc. A process alone: all it has (RSS), as a container of its own has it. With children: the sum
 * of their shares (PSS), for they have most of it together.
 */
export function residentMiBOf(pid: number | undefined): number | undefined {
  const all = processes();
  if (pid === undefined || !all.has(pid)) {
    return undefined;
  }
  const family = descendants(pid, all);
  return family.reduce((sum, member) => sum + memoryOf(member, family.length === 1 ? 'Rss' : 'Pss'), 0) / 1_024;
}

/** A process with all its children, each with its command line; empty where there is no /proc. */
export const membersOf = (pid: number | undefined): readonly { readonly pid: number; readonly command: string }[] =>
  familyOf(pid).map((member) => ({ pid: member, command: argumentsOf(member).join(' ') }));

/** Memory of one process, in MiB. */
export interface ProcessMemory {
  /** All that it has (RSS), as in a container of its own. */
  readonly resident: number;
  /** Its share where processes have pages together, such as those of Node’s program (PSS). */
  readonly proportional: number;
  /** What it alone has written. */
  readonly privateDirty: number;
}

/** Memory of a process without its children; undefined where there is no /proc. */
export function memoryOfProcess(pid: number | undefined): ProcessMemory | undefined {
  if (pid === undefined || !isAlive(pid)) {
    return undefined;
  }
  const mib = (what: Figure): number => memoryOf(pid, what) / 1_024;
  return { resident: mib('Rss'), proportional: mib('Pss'), privateDirty: mib('Private_Dirty') };
}

/** A process and those that descend from it. */
export function familyOf(pid: number | undefined): readonly number[] {
  const all = processes();
  return pid === undefined || !all.has(pid) ? [] : descendants(pid, all);
}

/** The process among these descendants of `pid` that runs this file. */
export function pidIn(pid: number | undefined, file: string): number | undefined {
  return familyOf(pid).find((member) => argumentsOf(member).at(-1)?.endsWith(file));
}

/** Whether /proc has the process. */
export const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}/stat`);

function descendants(pid: number, all: ReadonlyMap<number, Stat>): readonly number[] {
  const children = [...all].filter(([, { parent }]) => parent === pid).map(([child]) => child);
  return [pid, ...children.flatMap((child) => descendants(child, all))];
}

function argumentsOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    // It has ended meanwhile.
    return [];
  }
}

function processes(): ReadonlyMap<number, Stat> {
  try {
    return new Map(
      readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .flatMap((name) => statOf(Number(name))),
    );
  } catch {
    return new Map();
  }
}

/** See proc(5): the name in parentheses may hold anything, so the fields are counted from behind it. */
function statOf(pid: number): readonly (readonly [number, Stat])[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return [[pid, { parent: Number(fields[1]), ticks }]];
  } catch {
    // It has ended meanwhile.
    return [];
  }
}

function memoryOf(pid: number, what: Figure): number {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(new RegExp(`^${what}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
  } catch {
    return 0;
  }
}
