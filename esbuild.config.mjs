// esbuild bundles, SWC compiles: esbuild alone does not emit the decorator metadata Nest's injection reads.
import { readFile } from 'node:fs/promises';
import { transform } from '@swc/core';
import { swc } from './swc.config.mjs';

const swcDecorators = {
  name: 'swc-decorators',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const { code } = await transform(source, { ...swc, filename: path, swcrc: false });
      return { contents: code, loader: 'js' };
    });
  },
};

export default {
  sourcemap: true,
  keepNames: true,
  logLevel: 'warning',
  plugins: [swcDecorators],
};
