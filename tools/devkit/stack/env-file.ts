import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { UserError } from '../terminal/user-error';

/** Every setting stands there, made from the schemas that the programs read their settings with. */
const KNOWN_SETTINGS = '.env.example';

/**
 * The settings in `<folder>/.env`; none when there is no such file. An empty value counts as not set, so that a copy of .env.example sets nothing.
 * @throws UserError for a line that sets nothing, and for a name that is not a setting; never shows a value.
 */
export function readEnvFile(folder: string): Readonly<Record<string, string>> {
  const file = join(folder, '.env');
  if (!existsSync(file)) {
    return {};
  }
  const text = readFileSync(file, 'utf8');
  const values = Object.entries(parseEnv(text)).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '',
  );
  const known = knownSettings(readFileSync(join(folder, KNOWN_SETTINGS), 'utf8'));
  const unknown = values.map(([name]) => name).filter((name) => !known.has(name.replace(/_FILE$/, '')));
  const broken = brokenLines(text);
  if (unknown.length > 0 || broken.length > 0) {
    throw new UserError(
      [
        `${file} cannot be used:`,
        ...unknown.map((name) => `  ${name} is not a setting`),
        ...broken.map((number) => `  line ${number} is not NAME=value`),
      ].join('\n'),
      `${KNOWN_SETTINGS} lists every setting.`,
    );
  }
  return Object.fromEntries(values);
}

/**
 * Sets what `<folder>/.env` sets; the environment wins.
 * @throws {UserError} as `readEnvFile`
 */
export function loadEnvFile(folder: string): void {
  for (const [name, value] of Object.entries(readEnvFile(folder))) {
    process.env[name] ??= value;
  }
}

const knownSettings = (example: string): ReadonlySet<string> =>
  new Set([...example.matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)].map(([, name = '']) => name));

/** Numbers of the lines outside of quoted values that are neither an assignment nor a comment: the parser skips them silently. */
function brokenLines(text: string): readonly number[] {
  const outside = text.replace(/=\s*(["'`])[\s\S]*?\1/g, (value) => `=${'\n'.repeat(value.split('\n').length - 1)}`);
  return outside
    .split(/\r?\n/)
    .flatMap((line, index) => (/^\s*(?:#.*)?$|^\s*(?:export\s+)?[A-Za-z_]\w*\s*=/.test(line) ? [] : [index + 1]));
}
