import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { type Service, Services } from '@rookery/contracts';
import { buildApps } from '@rookery/devkit/stack/build';
import { repository } from '@rookery/devkit/stack/repository';

/** Services whose newest migration came after this commit: it is the last release that did not know that schema. */
export interface PreviousRelease {
  readonly commit: string;
  readonly services: readonly Service[];
}

/** Why the history cannot tell what the previous release was. */
export class NoHistory extends Error {}

const git = (...args: readonly string[]): string => {
  try {
    return execFileSync('git', args, { cwd: repository, encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch (error) {
    throw new NoHistory(`git ${args.join(' ')}: ${error instanceof Error ? error.message.trim() : 'failed'}`);
  }
};

/** The previous release of every service with more than one migration; throws NoHistory. */
export function previousReleases(): readonly PreviousRelease[] {
  const known = Services.flatMap((service) => {
    const commit = commitBeforeNewestMigration(service);
    return commit === undefined ? [] : [{ service, commit }];
  });
  return [...Map.groupBy(known, ({ commit }) => commit)].map(([commit, of]) => ({
    commit,
    services: of.map(({ service }) => service),
  }));
}

function commitBeforeNewestMigration(service: Service): string | undefined {
  const folder = `apps/${service}/src/migrations`;
  const files = readdirSync(join(repository, folder)).toSorted(
    (a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10),
  );
  const newest = files.at(-1);
  if (newest === undefined || files.length < 2) {
    return undefined;
  }
  const [addedIn = ''] = git('log', '--diff-filter=A', '--format=%H', '--', `${folder}/${newest}`).split('\n');
  // Not committed yet: what is committed does not know it.
  if (addedIn === '') {
    return git('rev-parse', 'HEAD');
  }
  const parents = git('log', '-1', '--format=%P', addedIn);
  const [parent = ''] = parents.split(' ');
  if (parent === '') {
    throw new NoHistory(`there is no history before ${newest} of ${service} (a shallow clone?)`);
  }
  return parent;
}

const Lock = z.object({ packages: z.record(z.string(), z.unknown()) });

/** A release built from its own sources by its own build, with the packages that are installed now. */
export class BuiltRelease {
  private constructor(
    readonly release: PreviousRelease,
    private readonly folder: string,
  ) {}

  /** Where the built apps are. */
  get apps(): string {
    return join(this.folder, 'dist/apps');
  }

  static async build(release: PreviousRelease): Promise<BuiltRelease> {
    const folder = mkdtempSync(join(tmpdir(), 'rookery-previous-'));
    const built = new BuiltRelease(release, folder);
    try {
      built.export();
      if (!built.hasTodaysPackages()) {
        console.warn(
          `The release ${release.commit} was locked to other packages; it is built with those installed now.`,
        );
      }
      await buildApps({ workspace: folder, apps: release.services });
      return built;
    } catch (error) {
      built.remove();
      throw error;
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private export(): void {
    const archive = join(this.folder, 'release.tar');
    git('archive', '--format=tar', `--output=${archive}`, this.release.commit);
    execFileSync('tar', ['-xf', archive, '-C', this.folder]);
    rmSync(archive);
    symlinkSync(join(repository, 'node_modules'), join(this.folder, 'node_modules'));
  }

  private hasTodaysPackages(): boolean {
    const packagesOf = (workspace: string): string => {
      const { packages } = Lock.parse(JSON.parse(readFileSync(join(workspace, 'package-lock.json'), 'utf8')));
      return JSON.stringify(packages);
    };
    return packagesOf(this.folder) === packagesOf(repository);
  }
}
