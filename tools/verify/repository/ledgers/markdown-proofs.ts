import { posix } from 'node:path';
import type { Proof } from './proofs';

const LINK = /\]\((?<target>[^)]+)\)/g;

/** The files of the repository that a page in `folder` links to, by paths from the root. */
export function pathsIn(markdown: string, folder: string): readonly string[] {
  return [...markdown.matchAll(LINK)]
    .map(({ groups }) => groups?.['target'] ?? '')
    .filter((target) => !target.startsWith('https://'))
    .map((target) => posix.join(folder, target));
}

/** The files that a page in `folder` links to, each with the titles quoted after the link. */
export function proofsIn(markdown: string, folder: string): readonly Proof[] {
  // Each piece begins after the opening bracket of a link and reaches to the next link.
  return markdown.split('[').flatMap((piece) => {
    const [path] = pathsIn(piece, folder);
    const titles = [...piece.matchAll(/"(?<title>[^"]+)"/g)].map(({ groups }) => groups?.['title'] ?? '');
    return path === undefined ? [] : [{ path, titles }];
  });
}
