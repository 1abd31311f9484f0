import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempDisposableSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { z } from 'zod';
import type { Engine } from './engine';

/** What must not be in an image, or all that may be. */
export interface Unwanted {
  /** Names of the packages that belong to the product: no other may be there. */
  readonly production: ReadonlySet<string>;
  /** Secret values, by where each comes from. */
  readonly secrets: ReadonlyMap<string, string>;
}

const Manifest = z.tuple([z.object({ Config: z.string(), Layers: z.array(z.string()) })]);

/** Unpacks the layers of an image above the first `below` into a folder each, and calls back with them and the configuration. */
export async function withLayers<T>(
  engine: Engine,
  image: string,
  below: number,
  work: (layers: readonly string[], config: string) => T,
): Promise<T> {
  using temporary = mkdtempDisposableSync(join(tmpdir(), 'rookery-layers-'));
  const folder = temporary.path;
  const archive = join(folder, 'image.tar');
  await engine.run(
    'save',
    '--output',
    archive,
    ...(engine.name === 'podman' ? ['--format', 'docker-archive'] : []),
    image,
  );
  execFileSync('tar', ['-xf', archive, '-C', folder]);
  rmSync(archive);
  const [{ Config, Layers }] = Manifest.parse(JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')));
  const layers = Layers.slice(below).map((layer, index) => {
    const target = join(folder, `layer-${index}`);
    mkdirSync(target);
    // Whiteouts are files like others; device nodes and owners do not matter to what is looked for.
    execFileSync('tar', ['-xf', join(folder, layer), '-C', target, '--no-same-owner', '--no-same-permissions']);
    return target;
  });
  return work(layers, readFileSync(join(folder, Config), 'utf8'));
}

/** What is in these folders that must not be, one sentence each. */
export function findUnwanted(folders: readonly string[], { production, secrets }: Unwanted): readonly string[] {
  const needles = [...secrets].map(([origin, value]) => ({ origin, bytes: Buffer.from(value) }));
  return folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
      const file = join(entry.parentPath, entry.name);
      const path = `/${relative(folder, file)}`;
      if (entry.isDirectory()) {
        const name = packageAt(path);
        return name === undefined || production.has(name) ? [] : [`${path} does not belong to the product`];
      }
      if (!entry.isFile()) {
        return [];
      }
      const found = needles
        .filter(({ bytes }) => contains(file, bytes))
        .map(({ origin }) => `${path} contains the secret ${origin}`);
      return [...found, ...unwantedFile(path)];
    }),
  );
}

/** Name of the package whose folder this is. */
function packageAt(path: string): string | undefined {
  return /\/node_modules\/((?:@[^/]+\/)?[^/@.][^/]*)$/.exec(path)?.[1];
}

function unwantedFile(path: string): readonly string[] {
  if (/^\/app\/[^/]+\.map$/.test(path)) {
    return [`${path} is one of our source maps`];
  }
  if (/^\/app\/(?!node_modules\/).*\.ts$/.test(path)) {
    return [`${path} is one of our sources`];
  }
  if (/\/\.npmrc$|\/\.env$/.test(path)) {
    return [`${path} holds settings of the builder`];
  }
  return /\/node_modules\/npm\/bin\/npm-cli\.js$/.test(path) ? [`${path} is npm`] : [];
}

/** The last file that was asked for, as many needles are looked for in each. */
const last: { path: string; content: Buffer } = { path: '', content: Buffer.alloc(0) };

function contains(file: string, needle: Buffer): boolean {
  if (last.path !== file) {
    last.content = readFileSync(file);
    last.path = file;
  }
  return last.content.includes(needle);
}

/** Secrets of this machine and repository that an image must not hold, by where each comes from. */
export function secretsAround(repository: string, home: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const add = (origin: string, text: string): void => {
    // Shorter ones would be found everywhere.
    for (const value of text.match(/[\w+/=-]{20,}/g) ?? []) {
      found.set(`no. ${found.size + 1} of ${origin}`, value);
    }
  };
  const filesIn = (folder: string): readonly string[] =>
    existsSync(folder)
      ? readdirSync(folder, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name))
      : [];
  const files = [
    join(repository, 'docker/.env'),
    ...filesIn(join(repository, 'k8s/overlays/dev/secrets')),
    ...filesIn(join(repository, '.data/secrets')),
  ].filter((file) => existsSync(file));
  for (const file of files) {
    const text = readFileSync(file, 'utf8').replace(/^#.*$/gm, '');
    add(relative(repository, file), text.replaceAll(/^[A-Z_]+=/gm, ''));
  }
  const npmrc = join(home, '.npmrc');
  for (const line of existsSync(npmrc) ? readFileSync(npmrc, 'utf8').split('\n') : []) {
    if (/_auth|_password|token/i.test(line)) {
      add('~/.npmrc', line.slice(line.indexOf('=') + 1));
    }
  }
  return found;
}
