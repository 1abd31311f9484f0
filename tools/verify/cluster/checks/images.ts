import { type Bundle, podsOf } from '../manifest';

const OURS = /^ghcr\.io\/rookery\/[a-z]+(?<version>[:@].*)?$/u;
const DIGEST = /^@sha256:(?!(.)\1{63})[0-9a-f]{64}$/u;
/** The tag in an overlay before its first release. No image gets this tag, and admission refuses tags. */
const UNRELEASED = ':unreleased';

/** Whether an environment has had its first release: true when all of our images are named by digest. */
export const isReleased = (bundle: Bundle): boolean => ourVersions(bundle).every((version) => DIGEST.test(version));

const ourVersions = (bundle: Bundle): readonly string[] =>
  imagesOf(bundle).flatMap(([, image]) => {
    const found = OURS.exec(image);
    return found === null ? [] : [found.groups?.['version'] ?? ''];
  });

const imagesOf = (bundle: Bundle): readonly (readonly [owner: string, image: string])[] =>
  podsOf(bundle).flatMap(({ owner, spec }) => (spec?.containers ?? []).map(({ image }) => [owner, image] as const));

/**
 * Images whose content may change under their name. Outside of dev, all of our images have a digest, or all are still unreleased. Other images have
 * a version at least.
 */
export function movingImages(bundle: Bundle): readonly string[] {
  const versions = new Set(ourVersions(bundle));
  const unreleased = versions.size === 1 && versions.has(UNRELEASED);
  return imagesOf(bundle).flatMap(([owner, image]) => {
    const version = OURS.exec(image)?.groups?.['version'];
    if (bundle.overlay !== 'dev' && OURS.test(image)) {
      return DIGEST.test(version ?? '') || unreleased ? [] : [`${owner}: ${image} is not named by digest`];
    }
    return /(?:[:@](?!latest$)[^/]+)$/u.test(image) ? [] : [`${owner}: ${image} has no version`];
  });
}
