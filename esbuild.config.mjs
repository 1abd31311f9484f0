// esbuild bundles, SWC compiles: esbuild alone does not emit the decorator metadata Nest's injection reads.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { transform } from '@swc/core';
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

/** A map with one place instead of thousands for each file of a package: a process reads the map of its bundle whole. */
const NO_MAP = `\n//# sourceMappingURL=data:application/json;base64,${btoa('{"version":3,"sources":[""],"mappings":"AAAA"}')}`;

/**
 * How esbuild keeps names, and how we do. It sets the name of each function and class when it is made, in hot paths for each request. Only those that it
 * renamed need that: they have a name, and another one.
 */
const NAMED = 'var __name = (target, value) => __defProp(target, "name", { value, configurable: true });';
const NAMED_ONCE = `var __name = (target, value) => target.name === value || target.name === "" ? target : ${NAMED.slice(NAMED.indexOf('__defProp'))}`;

const namesKept = {
  name: 'names-kept',
  setup(build) {
    build.initialOptions.metafile = true;
    build.onEnd(async ({ metafile }) => {
      for (const file of Object.keys(metafile?.outputs ?? {}).filter((name) => name.endsWith('.js'))) {
        const text = await readFile(file, 'utf8');
        if (!text.includes(NAMED)) {
          throw new Error(`${file}: this version of esbuild keeps names in another way, see esbuild.config.mjs`);
        }
        await writeFile(file, text.replace(NAMED, NAMED_ONCE));
      }
    });
  },
};

const isPackage = (path) => path.includes('node_modules/');

export const swcDecorators = {
  name: 'swc-decorators',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const { code } = await transform(source, { ...swc, filename: path, swcrc: false });
      return { contents: ascii(code), loader: 'js' };
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
      return { contents: `${ascii(source)}${NO_MAP}`, loader: 'js' };
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

export default {
  sourcemap: true,
  sourcesContent: false,
  keepNames: true,
  legalComments: 'none',
  logLevel: 'warning',
  banner: { js: COMMONJS },
  plugins: [packagesInside, swcDecorators, namesKept],
};
