import { existsSync, mkdirSync, mkdtempDisposableSync, renameSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { errorReason } from '../terminal/error-facts';
import { UserError } from '../terminal/user-error';
import { type Environment, isExecutable, programInPath, programNamedBy } from './program-path';
import { repository } from './repository';

/** Where fetched programs are kept. */
export const BIN_FOLDER = join(repository, '.data/bin');
/** How long a program that is not pinned is used before its sources are asked again. */
const FRESH_MS = 24 * 3_600_000;

/** A program that runs here. */
export interface LocatedProgram {
  readonly path: string;
  /** As the program prints it. */
  readonly version: string;
  /** In words: a variable, the PATH, a source. */
  readonly from: string;
}

/** Where a program can be fetched. */
export interface ProgramSource {
  /** In words. */
  readonly from: string;
  /** Where the fetched program is kept. */
  readonly file: string;
  /** A pinned version does not change: it need not be fetched again. */
  readonly pinned: boolean;
  /** Leaves the program somewhere below the folder and returns its path. */
  readonly fetch: (folder: string) => Promise<string>;
}

export interface WantedProgram {
  readonly name: string;
  /** The variable that names one. */
  readonly variable: string;
  /** Returns the version of a program; throws when it is another program or a version that cannot be used. */
  readonly inspect: (path: string, from: string) => Promise<string>;
  /** Best first. */
  readonly sources: readonly ProgramSource[];
  /** What to do where there is none. */
  readonly install: string;
  readonly binFolder?: string | undefined;
  readonly env?: Environment | undefined;
  readonly say?: ((message: string) => void) | undefined;
}

/**
 * A program: the one that the variable names, else one in the PATH that can be used, else the best that a source has, fetched once. What is not
 * pinned is used for a day, then the sources are asked again; it goes on being used where none of them answers.
 * @throws {UserError} when the variable names a program that cannot be used, and when there is none; it lists what was tried
 */
export async function locateProgram(wanted: WantedProgram): Promise<LocatedProgram> {
  const { name, variable, inspect, env = process.env, say } = wanted;
  const given = programNamedBy(variable, env);
  if (given !== undefined) {
    try {
      return { path: given, version: await inspect(given, variable), from: variable };
    } catch (error) {
      throw new UserError(
        `${variable}=${given}: ${errorReason(error)}`,
        'Name another one, or unset it to have one fetched.',
      );
    }
  }
  const inPath = programInPath(name, env);
  if (inPath === undefined) {
    return fetched(wanted, 'not there');
  }
  try {
    return { path: inPath, version: await inspect(inPath, 'the PATH'), from: 'the PATH' };
  } catch (error) {
    say?.(`${inPath} is not used: ${errorReason(error)}`);
    return fetched(wanted, errorReason(error));
  }
}

/** What is kept already, or is fetched now; `inPath` is what was wrong with the PATH's. */
async function fetched(wanted: WantedProgram, inPath: string): Promise<LocatedProgram> {
  const { name, variable, sources, install, say } = wanted;
  for (const source of sources) {
    const kept = source.pinned || isFresh(source) ? await keptOf(source, wanted) : undefined;
    if (kept !== undefined) {
      return kept;
    }
  }
  const failures: string[] = [];
  for (const source of sources) {
    try {
      say?.(`${name}: fetching ${source.from}`);
      return await fetchFrom(source, wanted);
    } catch (error) {
      failures.push(`${source.from}: ${errorReason(error)}`);
      say?.(`${source.from} could not be fetched: ${errorReason(error)}`);
    }
    const kept = await keptOf(source, wanted);
    if (kept !== undefined) {
      say?.(`${name}: using the ${kept.version} that was fetched before`);
      // The sources are asked again in a day, not at each start.
      utimesSync(source.file, new Date(), new Date());
      return kept;
    }
  }
  const tried = [`There is no ${name} that can be used. Tried ${variable} (not set), the PATH (${inPath}), and`];
  throw new UserError([...tried, ...failures].join('\n    '), install);
}

async function keptOf({ file, from }: ProgramSource, { inspect }: WantedProgram): Promise<LocatedProgram | undefined> {
  const version = isExecutable(file) ? await inspect(file, from).catch(() => undefined) : undefined;
  return version === undefined ? undefined : { path: file, version, from };
}

const isFresh = ({ file }: ProgramSource): boolean =>
  existsSync(file) && Date.now() - statSync(file).mtimeMs < FRESH_MS;

async function fetchFrom(
  { fetch, file, from }: ProgramSource,
  { inspect, binFolder = BIN_FOLDER }: WantedProgram,
): Promise<LocatedProgram> {
  mkdirSync(binFolder, { recursive: true });
  using temporary = mkdtempDisposableSync(join(binFolder, 'fetch-'));
  const program = await fetch(temporary.path);
  // Before it takes its place: a package of another distribution may not run here.
  const version = await inspect(program, from);
  utimesSync(program, new Date(), new Date());
  renameSync(program, file);
  return { path: file, version, from };
}
