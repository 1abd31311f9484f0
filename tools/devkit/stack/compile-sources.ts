import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { z } from 'zod';
import { repository } from './repository';

const EsbuildConfig = z.object({ swcDecorators: z.custom<Plugin>() });

/** Where sources are and what is made of them. */
export interface CompileOptions {
  /** Paths of the TypeScript files, each from `from`. */
  readonly sources: readonly string[];
  /** Folder of the sources. */
  readonly from: string;
  /** Folder of the results, which have the paths of their sources. Packages are resolved from there. */
  readonly to: string;
}

/** Compiles programs of this workspace, decorators included; packages stay beside them. */
export async function compileSources({ sources, from, to }: CompileOptions): Promise<void> {
  const config: unknown = await import(pathToFileURL(join(repository, 'esbuild.config.mjs')).href);
  const { swcDecorators } = EsbuildConfig.parse(config);
  await build({
    entryPoints: sources.map((source) => join(from, source)),
    outdir: to,
    outbase: from,
    absWorkingDir: repository,
    tsconfig: join(repository, 'tsconfig.base.json'),
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node24',
    logLevel: 'error',
    plugins: [swcDecorators],
  });
}
