import { mkdtempDisposable, readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { compileSources } from '@rookery/devkit/stack/compile-sources';
import { repository } from '@rookery/devkit/stack/repository';
import { Settings, ToolSettings } from '@rookery/devkit/stack/settings';
import { listSettings } from '@rookery/platform';
import { natsConfigFiles } from '@rookery/release/nats-config';
import { practicePages, requirementPages } from '@rookery/verify/repository/ledgers/ledger-pages';
import { commandPage } from '../command-table';

/** A file that is made from the code and committed, so that a change of it is seen in review. */
export interface GeneratedFile {
  /** Relative to the repository's root. */
  readonly path: string;
  readonly text: string;
}

const Documents = z.object({
  committedDocuments: z.function({
    input: [],
    output: z.promise(z.object({ openapi: z.unknown(), asyncapi: z.unknown() })),
  }),
});

/** Makes every generated file in memory. */
export async function generatedFiles(): Promise<readonly GeneratedFile[]> {
  const configs = await configFiles();
  // The apps' code needs decorator metadata, so it is compiled as the apps' build compiles it. Inside the repository, where
  // the bundle finds node_modules.
  await using temporary = await mkdtempDisposable(join(repository, 'node_modules/.rookery-generate-'));
  const folder = temporary.path;
  await compileSources({ sources: ['apps/gateway/src/documents.ts', ...configs], from: repository, to: folder });
  const load = (source: string): Promise<unknown> =>
    import(pathToFileURL(join(folder, `${source.replace(/\.ts$/, '')}.js`)).href);
  const { openapi, asyncapi } = await Documents.parse(await load('apps/gateway/src/documents.ts')).committedDocuments();
  const schemas = await Promise.all(
    configs.map(async (source) => ({ source, schema: schemaIn(await load(source), source) })),
  );
  return [
    { path: 'docs/api/openapi.json', text: asJson(openapi) },
    { path: 'docs/api/asyncapi.json', text: asJson(asyncapi) },
    { path: '.env.example', text: envExample(schemas) },
    ...natsConfigFiles(),
    commandPage(),
    ...practicePages(await readFile(join(repository, 'docs/ledgers/practices.yaml'), 'utf8')),
    ...requirementPages(await readFile(join(repository, 'docs/ledgers/security.yaml'), 'utf8')),
  ];
}

async function configFiles(): Promise<readonly string[]> {
  const apps = await readdir(join(repository, 'apps'));
  const found = await Promise.all(
    apps.toSorted().map(async (app) => {
      const files = await readdir(join(repository, 'apps', app, 'src')).catch(() => []);
      return files.filter((file) => file.endsWith('.config.ts')).map((file) => `apps/${app}/src/${file}`);
    }),
  );
  return found.flat();
}

function schemaIn(module: unknown, source: string): z.ZodObject {
  const schemas = Object.values(z.record(z.string(), z.unknown()).parse(module)).filter(
    (value): value is z.ZodObject => value instanceof z.ZodObject,
  );
  const [schema] = schemas;
  if (schema === undefined || schemas.length > 1) {
    throw new Error(`${source} must export one settings schema`);
  }
  return schema;
}

function envExample(apps: readonly { readonly source: string; readonly schema: z.ZodObject }[]): string {
  const source = 'tools/devkit/stack/settings.ts';
  const programs = [
    { title: `npm start (${source})`, schema: Settings },
    { title: `programs that talk to a running system (${source})`, schema: ToolSettings },
    ...apps.map((app) => ({ title: `${basename(app.source, '.config.ts')} (${app.source})`, schema: app.schema })),
  ];
  const sections = programs.map(({ title, schema }) => {
    const lines = listSettings(schema).map(({ name, description, defaultValue, required, secret }) => {
      const assignment = defaultValue === undefined ? `${required ? '' : '#'}${name}=` : `#${name}=${defaultValue}`;
      const notes = [...(required ? ['required'] : []), ...(secret ? ['secret'] : [])];
      return `# ${description}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}\n${assignment}`;
    });
    return [`# ---- ${title}`, ...lines].join('\n\n');
  });
  return `${[ENV_EXAMPLE_HEAD, ...sections].join('\n\n')}\n`;
}

const ENV_EXAMPLE_HEAD = [
  '# Every setting of every app, made by `npm run generate` from the schemas the apps read them with.',
  '# Commented lines show the default. X_FILE=<path> reads X from a file.',
  '# `npm start` needs none of this. What a file `.env` beside this one sets, every program of this repository reads, after its environment;',
  '# `npm start` writes each app’s own settings to .data/env/<app>.env.',
].join('\n');

const asJson = (document: unknown): string => `${JSON.stringify(document, null, 2)}\n`;
