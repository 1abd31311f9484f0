// esbuild bundles, SWC compiles: esbuild alone does not emit the decorator metadata Nest's injection reads.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { transform } from '@swc/core';
import { transform as minify } from 'esbuild';
import { swc } from './swc.config.mjs';

/** Stay packages beside the bundle: native code, files that are read by their path, and what only some settings load. */
const PACKAGES_BESIDE = ['@node-rs/argon2', '@redis/client', 'nodemailer', 'swagger-ui-dist', 'undici'];
/** Modules that a package loads and no app uses: drivers of other databases, error messages in other languages. Each with its importer and what replaces it. */
const REPLACED = [
  [
    /\/typeorm\/driver\/(?!postgres\/)[\w-]+\/\w+Driver\.js$/,
    /\/typeorm\/driver\/DriverFactory\.js$/,
    'module.exports = {};',
  ],
  [/\/zod\/v4\/locales\/index\.js$/, /\/zod\//, `export { default as en } from './en.js';`],
];
/** RxJS gives Node its CommonJS, of which each importing module would get a copy. The other half of the package is the same code in modules. */
const RXJS = { rxjs: 'index.js', 'rxjs/operators': 'operators/index.js' };
/** CommonJS in an ES module: packages ask for these. */
const COMMONJS = `import { createRequire as __createRequire } from 'node:module';
const require = __createRequire(import.meta.url);
const __filename = import.meta.filename;
const __dirname = import.meta.dirname;`;

const IMPORT = /^import\b[^;]*;\n/gm;
const TOP_LEVEL_NAME = /^(?:var|let|const|class|function\*?|async function\*?) ([\w$]+)/gm;

const isPackage = (path) => path.includes('node_modules/');

export const swcDecorators = {
  name: 'swc-decorators',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const { code } = await transform(source, { ...swc, filename: path, swcrc: false });
      return { contents: code, loader: 'js' };
    });
  },
};

/**
 * Packages become part of the bundle, which loads in half the time (decision 44). The generated package.json still names them: it is what licences and bills of
 * materials are made from.
 */
const packagesInside = {
  name: 'packages-inside',
  setup(build) {
    build.initialOptions.external = PACKAGES_BESIDE.flatMap((name) => [name, `${name}/*`]);
    build.onResolve({ filter: /^[^./]/ }, async ({ path, pluginData, ...from }) => {
      if (pluginData === packagesInside || from.kind === 'entry-point') {
        return undefined;
      }
      if (path in RXJS) {
        return { path: join(import.meta.dirname, 'node_modules/rxjs/dist/esm', RXJS[path]), sideEffects: false };
      }
      const found = await build.resolve(path, { ...from, pluginData: packagesInside });
      // Optional peers of packages: the package that asks for one does without it.
      return found.errors.length > 0 && isPackage(from.importer) ? { path, external: true } : found;
    });
    build.onLoad({ filter: /\/node_modules\/.*\.[cm]?js$/ }, async ({ path, pluginData }) => {
      const source = pluginData?.replacement ?? (await readFile(path, 'utf8'));
      return { contents: ascii(source), loader: 'js' };
    });
    build.onResolve({ filter: /^\./ }, async ({ path, pluginData, ...from }) => {
      const rules = REPLACED.filter(([, importer]) => importer.test(from.importer));
      if (rules.length === 0 || pluginData === packagesInside) {
        return undefined;
      }
      const found = await build.resolve(path, { ...from, pluginData: packagesInside });
      const [, , replacement] = rules.find(([module]) => module.test(found.path)) ?? [];
      return replacement === undefined ? undefined : { ...found, pluginData: { replacement } };
    });
  },
};

/** V8 keeps one byte for each character of a source without others, and two with one. */
const ascii = (source) =>
  source.replace(/[^\0-\x7f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Packages are minified; our own code stays as it is, readable in a stack trace without maps. */
const minifiedPackages = {
  name: 'minified-packages',
  setup(build) {
    Object.assign(build.initialOptions, { write: false, metafile: true });
    const done = new Map();
    const minify = (code) => done.get(code) ?? done.set(code, minified(code)).get(code);
    build.onEnd(async ({ outputFiles = [], metafile }) => {
      const outputs = new Map(outputFiles.map((file) => [file.path, file.text]));
      for (const [path, text] of outputs) {
        if (path.endsWith('.js')) {
          const { inputs } = metafile.outputs[relative(build.initialOptions.absWorkingDir ?? process.cwd(), path)];
          const { code, map } = await withPackagesMinified(
            text,
            JSON.parse(outputs.get(`${path}.map`)),
            inputs,
            minify,
          );
          outputs.set(path, code).set(`${path}.map`, JSON.stringify(map));
        }
      }
      for (const [path, text] of outputs) {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, text);
      }
    });
  },
};

/** esbuild renames the top level of what it takes for a module, but other sections use it: so imports are kept out, and names are compared. */
async function minified(code) {
  const imports = code.match(IMPORT) ?? [];
  const body = code.replace(IMPORT, '');
  const options = {
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    lineLimit: 160,
    target: 'node24',
  };
  const renamed = await minify(body, { ...options, minifyIdentifiers: true });
  const names = Array.from(body.matchAll(TOP_LEVEL_NAME), ([, name]) => name);
  const kept = new Set(renamed.code.match(/[\w$]+/g));
  const { code: text } = names.every((name) => kept.has(name)) ? renamed : await minify(body, options);
  return `${imports.join('')}${text}`;
}

/** Minifies the sections of packages, and takes them out of the map: a process reads the map whole. */
async function withPackagesMinified(text, map, inputs, minify) {
  const lines = text.split('\n');
  const segments = decoded(map.mappings);
  const starts = lines.flatMap((line, at) => (line.startsWith('// ') && line.slice(3) in inputs ? [at] : []));
  const code = lines.slice(0, starts[0]);
  const mapped = code.map(() => []);
  for (const [index, start] of starts.entries()) {
    const [path, ...body] = lines.slice(start, starts[index + 1]);
    const ours = !isPackage(path);
    const written = ours ? body.map(ascii) : (await minify(body.join('\n'))).trimEnd().split('\n');
    code.push(path, ...written);
    mapped.push([], ...written.map((_, line) => (ours ? (segments[start + 1 + line] ?? []) : [])));
  }
  return { code: code.join('\n'), map: { ...map, ...encoded(mapped, map) } };
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Segments by line, with numbers that do not depend on the segments before: column, source, line, column there, name (ECMA-426). */
function decoded(mappings) {
  const last = [0, 0, 0, 0, 0];
  return mappings.split(';').map((line) => {
    last[0] = 0;
    return line.split(',').flatMap((segment) => {
      const differences = numbersOf(segment);
      differences.forEach((difference, field) => (last[field] += difference));
      return differences.length < 4 ? [] : [last.slice(0, differences.length)];
    });
  });
}

function numbersOf(segment) {
  const numbers = [];
  let bits = 0;
  let shift = 0;
  for (const digit of segment) {
    const value = BASE64.indexOf(digit);
    bits |= (value & 31) << shift;
    shift += 5;
    if (value < 32) {
      numbers.push(bits & 1 ? -(bits >> 1) : bits >> 1);
      bits = 0;
      shift = 0;
    }
  }
  return numbers;
}

/** The other way round, with the sources and names that are left. */
function encoded(lines, { sources, names }) {
  const kept = { sources: new Map(), names: new Map() };
  const numberIn = (numbers, name) => numbers.get(name) ?? numbers.set(name, numbers.size).size - 1;
  const last = [0, 0, 0, 0, 0];
  const textOf = ([column, source, line, sourceColumn, name]) => {
    const fields = [column, numberIn(kept.sources, sources[source]), line, sourceColumn];
    const all = name === undefined ? fields : [...fields, numberIn(kept.names, names[name])];
    const differences = all.map((value, field) => value - last[field]);
    last.splice(0, all.length, ...all);
    return differences.map(digitsOf).join('');
  };
  const mappings = lines.map((line) => {
    last[0] = 0;
    return line.map(textOf).join(',');
  });
  return { mappings: mappings.join(';'), sources: [...kept.sources.keys()], names: [...kept.names.keys()] };
}

function digitsOf(number) {
  let bits = number < 0 ? (-number << 1) | 1 : number << 1;
  let text = '';
  do {
    text += BASE64[(bits & 31) | (bits > 31 ? 32 : 0)];
    bits >>= 5;
  } while (bits > 0);
  return text;
}

export default {
  sourcemap: true,
  sourcesContent: false,
  keepNames: true,
  legalComments: 'none',
  logLevel: 'warning',
  banner: { js: COMMONJS },
  plugins: [packagesInside, swcDecorators, minifiedPackages],
};
