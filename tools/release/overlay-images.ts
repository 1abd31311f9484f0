import { isMap, isScalar, isSeq, type Pair, parseDocument, type Range, type YAMLMap } from 'yaml';
import { Services } from '@rookery/contracts';
import { UserError } from '@rookery/devkit/terminal/user-error';

/** In the order in which a digest passes through them. */
export const Environments = ['dev', 'staging', 'prod'] as const;
export type Environment = (typeof Environments)[number];

/**
 * Where an environment’s digests are, below the repository. The first one’s are not in overlays/dev, which runs what was built on the
 * machine at hand.
 */
export const overlayOf = (environment: Environment): string =>
  `k8s/overlays/${environment === 'dev' ? 'dev-shared' : environment}`;

/** Every app that has an image. */
export const Apps = ['gateway', ...Services] as const;
export type App = (typeof Apps)[number];

/** The image of an app, without tag or digest. */
export const imageOf = (app: App): string => `ghcr.io/rookery/${app}`;

/**
 * The `images:` of an overlay's kustomization.yaml. What it changes is spliced into the text, so that comments and layout
 * stay as they are and the pull request shows the digests alone.
 */
export class OverlayImages {
  constructor(
    readonly environment: Environment,
    readonly text: string,
  ) {}

  /** What the overlay deploys for the app; undefined while it names a tag. */
  digestOf(app: App): string | undefined {
    const digest = this.entry(app).get('digest');
    return typeof digest === 'string' ? digest : undefined;
  }

  /** The same overlay with another digest for one app; a tag gives way to it. */
  with(app: App, digest: string): OverlayImages {
    const entry = this.entry(app);
    const carrier = pairOf(entry, 'digest') ?? pairOf(entry, 'newTag');
    const [from, to] = carrier === undefined ? [undefined, undefined] : [startOf(carrier.key), endOf(carrier.value)];
    if (from === undefined || to === undefined) {
      throw this.broken(`has neither digest nor newTag for ${imageOf(app)}`);
    }
    return new OverlayImages(this.environment, `${this.text.slice(0, from)}digest: ${digest}${this.text.slice(to)}`);
  }

  private entry(app: App): YAMLMap {
    const document = parseDocument(this.text);
    const images = document.get('images');
    const entry = isSeq(images)
      ? images.items.find((item) => isMap(item) && item.get('name') === imageOf(app))
      : undefined;
    if (document.errors.length > 0 || !isMap(entry)) {
      throw this.broken(`names no image ${imageOf(app)} under images:`);
    }
    return entry;
  }

  private broken(what: string): UserError {
    return new UserError(`The kustomization of ${this.environment} ${what}.`);
  }
}

function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => isScalar(pair.key) && pair.key.value === key);
}

const rangeOf = (node: unknown): Range | undefined => (isScalar(node) ? (node.range ?? undefined) : undefined);
const startOf = (node: unknown): number | undefined => rangeOf(node)?.[0];
/** Of the value, before the blanks and the comment behind it. */
const endOf = (node: unknown): number | undefined => rangeOf(node)?.[1];
