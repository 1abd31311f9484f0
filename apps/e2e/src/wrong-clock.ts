import { existsSync } from 'node:fs';

/** Where Debian and Ubuntu (amd64, arm64), Fedora and Alpine put the variant of libfaketime for programs with threads. */
const LIBRARIES = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib64/faketime/libfaketimeMT.so.1',
  '/usr/lib/faketime/libfaketimeMT.so.1',
];

const library = LIBRARIES.find((path) => existsSync(path));

/** Why no process can be given a wrong clock here; undefined when one can. macOS has no LD_PRELOAD, and protects its own programs from DYLD_INSERT_LIBRARIES. */
export const noWrongClocks: string | undefined =
  library === undefined ? 'needs libfaketime (apt-get install libfaketime); there is none on this machine' : undefined;

/** Settings of a process whose wall clock is so many seconds ahead, or behind when negative. Its monotonic clock stays right, as in life. */
export const wrongClock = (seconds: number): Readonly<Record<string, string>> => ({
  LD_PRELOAD: library ?? '',
  FAKETIME: `${seconds < 0 ? '' : '+'}${seconds}s`,
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
});
