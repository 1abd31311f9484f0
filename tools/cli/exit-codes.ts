/** Exit codes of every command; WRONG_USAGE is one as well. */
export const DONE = 0;
/** It failed, or it found what it looks for: a difference, a violation, a stale file. */
export const FAILED = 1;
export const INTERRUPTED = 130;
