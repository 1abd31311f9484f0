import { programOf } from './manifests';
import type { Dead } from './pages';
import type { Files, Part } from './part';

/** Whether a file or a folder was there and is not any more. */
export function goneFrom(before: Files, after: Files): (path: string) => boolean {
  const foldersOf = (files: Files): ReadonlySet<string> =>
    new Set(
      [...files.keys()].flatMap((path) =>
        path.split('/').map((_, depth, parts) => parts.slice(0, depth + 1).join('/')),
      ),
    );
  const [were, are] = [foldersOf(before), foldersOf(after)];
  return (path) => {
    const plain = path.replace(/\/$/, '');
    const folder = [...plain.split('/').keys()].map((depth) =>
      plain
        .split('/')
        .slice(0, depth + 1)
        .join('/'),
    );
    return folder.some((part) => were.has(part) && !are.has(part));
  };
}

/** What pages may no longer speak of: paths, headings, commands, and the terms of the parts. */
export function deadOf(before: Files, after: Files, isGone: (path: string) => boolean, parts: readonly Part[]): Dead {
  const scripts = programOf(before.get('package.json') ?? '').scripts;
  const { name: program, scripts: left } = programOf(after.get('package.json') ?? '');
  const commands = namesOfCommands(before).filter((name) => !namesOfCommands(after).includes(name));
  const npm = scripts
    .filter((script) => !left.includes(script))
    .map((script) => `npm run (?:-s |--silent )?(?=${script})`);
  const own = commands.map((command) => `(?:npx |npm run (?:-s |--silent )?)?${program} (?:-- )?(?=${command})`);
  const calls = [...npm, ...own].join('|');
  const terms = parts.flatMap((part) => part.terms ?? []).map((term) => `${term}(?!\\w)`);
  const about = [...terms, calls].filter((pattern) => pattern !== '').join('|');
  const subject = about === '' ? undefined : new RegExp(`(?<![\\w.-])(?:${about})`, 'i');
  const headings = (text: string): ReadonlySet<string> =>
    new Set(
      [...text.matchAll(/^#{1,6} (.*)$/gm)].map(([, title = '']) =>
        title
          .toLowerCase()
          .replace(/[^\p{L}\p{N}\s_-]/gu, '')
          .replaceAll(' ', '-'),
      ),
    );
  return {
    path: isGone,
    anchor: (path, anchor) =>
      headings(before.get(path) ?? '').has(anchor) && !headings(after.get(path) ?? '').has(anchor),
    subject: (text) => subject?.test(text) ?? false,
    uncalled: (text) => (calls === '' ? text : text.replace(new RegExp(`(?<![\\w.-])(?:${calls})`, 'g'), '')),
  };
}

const namesOfCommands = (files: Files): readonly string[] =>
  [...(files.get('tools/cli/registry.ts') ?? '').matchAll(/^ {4,}name: '(?<name>[^']+)'/gm)].map(
    ({ groups }) => groups?.['name'] ?? '',
  );
