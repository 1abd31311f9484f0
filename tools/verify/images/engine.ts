import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { ImageName } from '@rookery/devkit/stack/app-process';
import { repository } from '@rookery/devkit/stack/repository';
import { type Answer, outputOf, runProgram } from '@rookery/devkit/terminal/run-program';
import { UserError } from '@rookery/devkit/terminal/user-error';

const Image = z.object({
  Id: z.string(),
  Size: z.number(),
  RootFS: z.object({ Layers: z.array(z.string()) }),
  Config: z.object({
    User: z.string().default(''),
    Entrypoint: z.array(z.string()).nullish(),
    Cmd: z.array(z.string()).nullish(),
    Labels: z.record(z.string(), z.string()).nullish(),
  }),
});
/** What an engine knows of an image. */
export type Image = z.infer<typeof Image>;

/**
 * Time of every file in an image, in seconds since 1970. Not that of the commit: a layer whose content stays the same keeps its
 * digest from release to release, also when an engine takes it from its cache.
 */
const FILE_TIME = Date.UTC(2026, 0, 1) / 1_000;

export interface BuildOptions {
  readonly app: ImageName;
  readonly tag: string;
  readonly nodeImage: string;
  readonly revision: string;
  readonly fresh?: boolean;
}

/** Not in the repository: podman's monitor leaves a file `oom` where it was started when a container took too much memory. */
const ELSEWHERE = { cwd: tmpdir() };

const answers = (command: string, args: readonly string[]): boolean => {
  try {
    execFileSync(command, args, { stdio: 'ignore', timeout: 30_000 });
    return true;
  } catch {
    return false;
  }
};

/** podman or docker, called as their programs. */
export class Engine {
  private constructor(readonly name: 'podman' | 'docker') {}

  /** CONTAINER_ENGINE, else podman, else docker; a docker that has no daemon is none. */
  static find(wanted = process.env['CONTAINER_ENGINE'] ?? ''): Engine {
    const found = (['podman', 'docker'] as const)
      .filter((name) => wanted === '' || name === wanted)
      .find((name) => answers(name, ['info']));
    if (found !== undefined) {
      return new Engine(found);
    }
    throw new UserError(
      wanted === '' ? 'There is neither podman nor a running docker.' : `CONTAINER_ENGINE=${wanted} does not run.`,
      'Install podman, or start docker. CONTAINER_ENGINE chooses one of them.',
    );
  }

  /** Runs it; a code other than 0 is an answer too. */
  try(...args: readonly string[]): Promise<Answer> {
    return runProgram(this.name, args, ELSEWHERE);
  }

  /**
   * What it prints.
   * @throws {UserError} when it fails
   */
  run(...args: readonly string[]): Promise<string> {
    return outputOf(this.name, args, ELSEWHERE);
  }

  /** What it knows of an image; undefined when it is not here. */
  async image(reference: string): Promise<Image | undefined> {
    const { code, stdout } = await this.try('image', 'inspect', reference);
    return code === 0 ? z.tuple([Image]).parse(JSON.parse(stdout))[0] : undefined;
  }

  /** Fetches an image that is not here; false when that is not possible. */
  async provide(reference: string): Promise<boolean> {
    if ((await this.image(reference)) !== undefined) {
      return true;
    }
    return (await this.try('pull', '--quiet', reference)).code === 0;
  }

  /** Whether the same input gives the same layers. */
  get reproduces(): boolean {
    return this.name === 'podman';
  }

  /** Builds an app's image from the repository, with podman as the pipeline does: every file's time is set. */
  async build({ app, tag, nodeImage, revision, fresh = false }: BuildOptions): Promise<void> {
    const npmrc = join(homedir(), '.npmrc');
    const common = [
      ...['--file', join(repository, 'docker/Dockerfile'), '--tag', tag],
      ...['--build-arg', `APP=${app}`, '--build-arg', `NODE_IMAGE=${nodeImage}`, '--build-arg', `REVISION=${revision}`],
      // Besides REVISION: older podmans take a label that is made from an argument out of their cache.
      ...['--label', `org.opencontainers.image.revision=${revision}`],
      ...(existsSync(npmrc) ? ['--secret', `id=npmrc,src=${npmrc}`] : []),
      ...(fresh ? ['--no-cache'] : []),
    ];
    // On the host's network: a registry that only this machine can reach is reached.
    const engine = {
      podman: ['build', '--format', 'docker', '--timestamp', String(FILE_TIME), '--network', 'host', '--pull=never'],
      // Its default builder sets no times in layers: reproducible ones need a builder of its own, as the pipeline has.
      docker: ['buildx', 'build', '--load', '--provenance=false', '--network', 'host'],
    }[this.name];
    await this.run(...engine, ...common, repository);
  }
}
