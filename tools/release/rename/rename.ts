import { builtinModules } from 'node:module';
import { z } from 'zod';
import { UserError } from '@rookery/devkit/terminal/user-error';
import type { Outcome } from '../eject/eject';
import type { Files } from '../eject/part';
import type { Planned } from '../eject/request';
import { readCheckout } from '../eject/workspace';

/** A name as each place writes it. */
interface Spellings {
  /** In packages, programs, labels and addresses: `my-shop`. */
  readonly kebab: string;
  /** In prose and types: `MyShop`. One word, so that no sentence gets longer. */
  readonly pascal: string;
  /** Before another word of an identifier: `myShopStack`. */
  readonly camel: string;
  /** In functions of a shell: `_my_shop`. */
  readonly snake: string;
  /** In variables of the environment: `MY_SHOP_TLS`. */
  readonly upper: string;
}

const Manifest = z.looseObject({
  name: z.string(),
  scripts: z.record(z.string(), z.string()),
  dependencies: z.record(z.string(), z.string()),
  devDependencies: z.record(z.string(), z.string()),
});

const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
/** Names of objects in a cluster have 63 characters at most, and ours get an ending. */
const MOST_CHARACTERS = 30;
/** What npm refuses, and words that mean something else in paths or in shells. */
const RESERVED = new Set([
  'node',
  'node-modules',
  'favicon',
  'npm',
  'npx',
  'test',
  'src',
  'dist',
  'docs',
  'app',
  'apps',
  'libs',
  'tools',
]);
const TEXT_OF_OTHERS = 'LICENSE';

/**
 * The checkout under another name.
 * @throws {UserError} when the name is bad or taken, or git could not take the change back
 */
export function planRename(root: string, name: string, options: { readonly force: boolean }): Planned {
  const before = readCheckout(root, options);
  return { before, outcome: rename(before, name) };
}

/** The workspace under another name, in memory: contents and file names. */
function rename(files: Files, name: string): Outcome {
  const from = nameOf(files);
  refuseName(name, from, files);
  const [before, after] = [spellingsOf(from), spellingsOf(name)];
  const pattern = new RegExp(
    `(?<upper>${before.upper})|(?<camel>${before.camel}(?=[A-Z]))|(?<snake>(?<=_)${before.snake}|${before.snake}(?=_))|(?<kebab>${before.kebab})|(?<pascal>${before.pascal})`,
    'g',
  );
  const renamed = (text: string): string =>
    text.replace(pattern, (...args: readonly unknown[]) => {
      const [spelling = 'kebab'] = Object.entries(Groups.parse(args.at(-1))).flatMap(([key, value]) =>
        value === undefined ? [] : [key],
      );
      return after[z.enum(['upper', 'camel', 'snake', 'kebab', 'pascal']).parse(spelling)];
    });
  const moves = [...files.keys()]
    .filter((path) => renamed(path) !== path)
    .map((path) => ({ from: path, to: renamed(path) }));
  return {
    onlyWords: true,
    moves,
    files: new Map(
      [...files].map(
        ([path, text]) => [renamed(path), isOurs(path, text) ? textOf(path, text, renamed) : text] as const,
      ),
    ),
  };
}

const Groups = z.record(z.string(), z.string().optional());

const isOurs = (path: string, text: string): boolean => path !== TEXT_OF_OTHERS && !text.includes('\0');

/** Of the lock file only the entry of the workspace itself: the others are of other people. */
function textOf(path: string, text: string, renamed: (text: string) => string): string {
  if (path !== 'package-lock.json') {
    return renamed(text);
  }
  const end = text.indexOf('\n    "node_modules/');
  return renamed(text.slice(0, end)) + text.slice(end);
}

function spellingsOf(name: string): Spellings {
  const words = name.split('-');
  const pascal = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  return {
    kebab: name,
    pascal,
    camel: pascal.charAt(0).toLowerCase() + pascal.slice(1),
    snake: words.join('_'),
    upper: words.join('_').toUpperCase(),
  };
}

/** What the workspace is called. */
export const nameOf = (files: Files): string => Manifest.parse(JSON.parse(files.get('package.json') ?? '')).name;

function refuseName(name: string, from: string, files: Files): void {
  const wrong = faultOf(name, from, files);
  if (wrong !== undefined) {
    throw new UserError(
      `"${name}" ${wrong}.`,
      'Take a name like my-shop: small letters, digits, and single hyphens between them.',
      2,
    );
  }
}

function faultOf(name: string, from: string, files: Files): string | undefined {
  if (!NAME.test(name)) {
    return 'is not a name that npm, Docker and a shell all take';
  }
  if (name.length > MOST_CHARACTERS) {
    return `has ${name.length} characters; ${MOST_CHARACTERS} are the most`;
  }
  if (name === from) {
    return 'is the name that this workspace has';
  }
  if (RESERVED.has(name) || builtinModules.includes(name)) {
    return 'is reserved';
  }
  const { scripts, dependencies, devDependencies } = Manifest.parse(JSON.parse(files.get('package.json') ?? ''));
  const packages = Object.keys({ ...dependencies, ...devDependencies });
  if (name in scripts || packages.some((other) => other === name || other.startsWith(`@${name}/`))) {
    return 'is taken by an npm script or a package of this workspace';
  }
  if ([...files.keys()].some((path) => new RegExp(`^(?:apps|libs|tools)/${name}/`).test(path))) {
    return 'is taken by a project of this workspace';
  }
  const { upper } = spellingsOf(name);
  const variable = new RegExp(`(?<![A-Z0-9_])${upper}_[A-Z]`);
  return variable.test(files.get('.env.example') ?? '') ? `is taken: settings begin with ${upper}_` : undefined;
}
