import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { UserError } from '../terminal/user-error';

/** How a command is run when Postgres refuses the user we are. */
export interface RunAs {
  readonly uid?: number;
  readonly gid?: number;
  /** Put before the command. */
  readonly prefix: readonly string[];
}

const asOurselves: RunAs = { prefix: [] };
/** `nobody` on every Linux. */
const NOBODY = 65_534;
const throughUserNamespace: RunAs = { prefix: ['unshare', '--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`] };

/** True when others may pass through every folder up to the path, and read it. */
function othersReach(path: string): boolean {
  for (let at = resolve(path); ; at = dirname(at)) {
    if (existsSync(at) && (statSync(at).mode & 0o001) === 0) {
      return false;
    }
    if (at === dirname(at)) {
      return true;
    }
  }
}

function canUnshare(): boolean {
  try {
    const [command, ...args] = [...throughUserNamespace.prefix, 'true'];
    execFileSync(command, args, { stdio: 'ignore', timeout: 5_000 });
    return true;
  } catch {
    return false;
  }
}

/**
 * Postgres does not run as root. As root we therefore run it as `nobody` when that user can reach both programs and data,
 * else as a user namespace's `nobody`, which is root outside of it and so reaches what root owns.
 * Existing data keep the user they were made with.
 */
export function unprivileged(dataFolder: string, programs: string): RunAs {
  if (process.getuid?.() !== 0) {
    return asOurselves;
  }
  const owner = existsSync(dataFolder) ? statSync(dataFolder).uid : undefined;
  const reachable = othersReach(dirname(resolve(dataFolder))) && othersReach(programs);
  if (reachable && owner !== 0) {
    return { uid: owner ?? NOBODY, gid: owner ?? NOBODY, prefix: [] };
  }
  if (owner === undefined || owner === 0) {
    if (canUnshare()) {
      return throughUserNamespace;
    }
  }
  throw new UserError(
    `Postgres does not run as root, and no unprivileged user can reach ${dataFolder}.`,
    'Run npm as another user, or set ROOKERY_DATA_DIR to a folder that everybody may pass through, for example /var/tmp/rookery (the programs in node_modules must be reachable too).',
  );
}
