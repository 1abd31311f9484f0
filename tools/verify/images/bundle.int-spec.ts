import { copyFileSync, mkdtempDisposableSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { SERVICES } from '@rookery/devkit/stack/app-process';
import { buildApps } from '@rookery/devkit/stack/build';
import { repository } from '@rookery/devkit/stack/repository';
import { runProgram } from '@rookery/devkit/terminal/run-program';

const RawMap = z.object({
  version: z.number(),
  file: z.string().default('main.js'),
  sources: z.array(z.string()),
  sourceRoot: z.string().default(''),
  sourcesContent: z.array(z.string()).default([]),
  names: z.array(z.string()),
  mappings: z.string(),
});

/** Where a line of the bundle comes from; lines that esbuild adds come from nowhere. */
const Place = z.object({ originalSource: z.string(), originalLine: z.number() });

beforeAll(() => buildApps({ apps: ['products', 'orders', 'payments'] }), 300_000);

describe.each(SERVICES.filter((service) => service !== 'auth'))('the bundle of %s', (service) => {
  const path = join(repository, 'dist/apps', service, 'main.js');
  const linesOf = (file: string): readonly string[] => readFileSync(file, 'utf8').split('\n');

  it('has the packages inside: alone in a folder it starts, and asks for its settings', async () => {
    using temporary = mkdtempDisposableSync(join(tmpdir(), 'rookery-bundle-'));
    const alone = join(temporary.path, 'main.mjs');
    copyFileSync(path, alone);
    const { code, stderr } = await runProgram(process.execPath, [alone], { env: {} });
    expect(stderr).toContain(`${service} cannot start: `);
    expect(stderr).toContain('DATABASE_URL');
    expect(code).toBe(1);
  });

  it('has a map that leads from each throw of our own to the line that it is written on', () => {
    const map = RawMap.parse(JSON.parse(readFileSync(`${path}.map`, 'utf8')));
    const sourceMap = new SourceMap(map);
    let section = '';
    const thrown = linesOf(path).flatMap((line, at) => {
      section = /^\/\/ (apps|libs|node_modules)\//.exec(line)?.[1] ?? section;
      const text = section === 'node_modules' ? undefined : /^ +(throw new [A-Z]\w+\()/.exec(line)?.[1];
      return text === undefined ? [] : [{ text, at, column: line.indexOf('throw') }];
    });
    const written = thrown.map(({ at, column }) => {
      const entry = sourceMap.findEntry(at, column);
      return 'originalSource' in entry
        ? linesOf(resolve(dirname(path), entry.originalSource))[entry.originalLine]
        : undefined;
    });

    expect(thrown.length).toBeGreaterThan(50);
    expect(written).toEqual(thrown.map(({ text }): unknown => expect.stringContaining(text)));
  });

  it('has a map with one place for each script of a package, because a process reads the map whole', () => {
    const sourceMap = new SourceMap(RawMap.parse(JSON.parse(readFileSync(`${path}.map`, 'utf8'))));
    const places = linesOf(path).flatMap((_, at) => {
      const place = Place.safeParse(sourceMap.findEntry(at, 0)).data;
      return /node_modules\/.*js$/.test(place?.originalSource ?? '') ? [place?.originalLine] : [];
    });

    expect(places.length).toBeGreaterThan(1_000);
    expect(new Set(places)).toEqual(new Set([0]));
  });

  it('has one byte for each character: with a single other one, V8 would keep two for all', () => {
    expect(readFileSync(path, 'utf8').length).toBe(readFileSync(path).length);
  });
});
