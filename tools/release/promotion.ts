import { UserError } from '@rookery/devkit/terminal/user-error';
import { type App, Apps, type Environment, Environments, OverlayImages } from './overlay-images';

/** What is asked for: chosen digests, or those that the environment before carries. */
export interface Request {
  readonly to: Environment;
  readonly digests: ReadonlyMap<App, string> | 'as-before';
}

/** One line of the pull request. */
export interface Change {
  readonly app: App;
  readonly from: string | undefined;
  readonly to: string;
}

/** What the promotion makes of the overlay. */
export interface Promotion {
  readonly overlay: OverlayImages;
  readonly changes: readonly Change[];
}

/** Which environment a digest must have passed before; dev takes what the pipeline has built. */
export function before(environment: Environment): Environment | undefined {
  return Environments[Environments.indexOf(environment) - 1];
}

/**
 * The one way a digest moves: built, then dev, then staging, then prod. Throws UserError when it would skip a stage, so what
 * runs in production has run in staging with the same bytes.
 */
export function promote({ to, digests }: Request, read: (environment: Environment) => string): Promotion {
  const previous = before(to);
  const source = previous === undefined ? undefined : new OverlayImages(previous, read(previous));
  const wanted = digests === 'as-before' ? carriedBy(source, to) : digests;
  let overlay = new OverlayImages(to, read(to));
  const changes: Change[] = [];
  for (const [app, digest] of wanted) {
    if (!/^sha256:[0-9a-f]{64}$/.test(digest)) {
      throw new UserError(`${JSON.stringify(digest)} is no digest.`, 'Give sha256: and 64 hexadecimal digits.');
    }
    if (source !== undefined && source.digestOf(app) !== digest) {
      throw new UserError(
        `${app} ${digest} is refused for ${to}: ${source.environment} carries ${source.digestOf(app) ?? 'no digest'}.`,
        `Promote it to ${source.environment} first. To go back, revert the pull request that promoted.`,
      );
    }
    const from = overlay.digestOf(app);
    if (from === digest) {
      continue;
    }
    overlay = overlay.with(app, digest);
    changes.push({ app, from, to: digest });
  }
  return { overlay, changes };
}

function carriedBy(source: OverlayImages | undefined, to: Environment): ReadonlyMap<App, string> {
  if (source === undefined) {
    throw new UserError(`Nothing comes before ${to}.`, 'Give --app and --digest.');
  }
  return new Map(
    Apps.map((app) => {
      const digest = source.digestOf(app);
      if (digest === undefined) {
        throw new UserError(
          `${source.environment} carries no digest for ${app} yet.`,
          `Promote it to ${source.environment} first.`,
        );
      }
      return [app, digest];
    }),
  );
}
