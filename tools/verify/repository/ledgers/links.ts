import { posix } from 'node:path';

/** A text file of the repository. */
export interface TextFile {
  /** From the repository's root. */
  readonly path: string;
  readonly text: string;
}

const CODE = /^```[\s\S]*?^```$|`[^`\n]*`/gm;
const LINK = /\]\((?<target>[^()\s]+)\)|<img src="(?<image>[^"]+)"/g;
const HEADING = /^#{1,6} (?<title>.*)$/gm;
const MENTION =
  /(?<![\w./@-])(?:apps|docker|docs|infra|k8s|libs|tools)\/(?:[\w-]+\/)*[\w.-]+\.(?:md|ts|mjs|ya?ml|tf)\b/g;
const PAGE = /[\w-]+\.md\b/g;
const COMMENT = /^\s*(?:\/\/|\/?\*).*$/gm;

/** Links and mentions that lead nowhere, one line each; empty when all lead somewhere. */
export function deadLinksOf(files: readonly TextFile[], exists: (path: string) => boolean): readonly string[] {
  const headings = new Map(files.filter(isPage).map(({ path, text }) => [path, anchorsOf(text)]));
  const pages = new Set([...headings.keys()].map((path) => posix.basename(path)));
  return files.flatMap((file) => {
    const dead = isCode(file)
      ? mentionedPages(file.text).filter((page) => !pages.has(page))
      : [
          ...mentionedPaths(file.text).filter((path) => !exists(path)),
          ...(isPage(file) ? linksIn(file).filter((link) => !leads(link, headings, exists)) : []),
        ];
    return dead.map((target) => `${file.path}: ${target} does not exist`);
  });
}

const isPage = ({ path }: TextFile): boolean => path.endsWith('.md');
const isCode = ({ path }: TextFile): boolean => /\.m?ts$|\.mjs$/.test(path);

/** Where the links of a page lead in this repository: from its root, with their anchors. */
function linksIn({ path, text }: TextFile): readonly string[] {
  return [...text.replace(CODE, '').matchAll(LINK)]
    .map(({ groups }) => groups?.['target'] ?? groups?.['image'] ?? '')
    .filter((target) => !/^(?:https?:|mailto:)/.test(target))
    .map((target) => (target.startsWith('#') ? path + target : posix.join(posix.dirname(path), target)));
}

function leads(
  link: string,
  headings: ReadonlyMap<string, ReadonlySet<string>>,
  exists: (path: string) => boolean,
): boolean {
  const [path = '', anchor] = link.split('#');
  return exists(path) && (anchor === undefined || headings.get(path)?.has(anchor) === true);
}

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf(text: string): ReadonlySet<string> {
  return new Set(
    [...text.matchAll(HEADING)].map(({ groups }) =>
      (groups?.['title'] ?? '')
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

const mentionedPaths = (text: string): readonly string[] => [...text.matchAll(MENTION)].map(([path]) => path);

/** The pages that comments name: a reader must find them here. */
const mentionedPages = (text: string): readonly string[] =>
  [...text.matchAll(COMMENT)].flatMap(([comment]) => [...comment.matchAll(PAGE)].map(([page]) => page));
