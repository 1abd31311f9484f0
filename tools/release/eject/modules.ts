import { posix } from 'node:path';
import ts from 'typescript';
import { z } from 'zod';
import type { Files } from './part';

export const isCode = (path: string): boolean => /\.m?ts$|\.mjs$/.test(path);

export const SPEC = /\.(?:int-)?spec\.ts$/;
export const isSpec = (path: string): boolean => SPEC.test(path);
/** The specs of a module. */
export const specsBeside = (path: string): readonly string[] =>
  ['.spec.ts', '.int-spec.ts'].map((ending) => path.replace(/\.ts$/, ending));

const Compiler = z.object({ compilerOptions: z.object({ paths: z.record(z.string(), z.array(z.string())) }) });

/** What each module of a workspace imports. */
export class Modules {
  /** Files that a file imports, by its path. */
  readonly imports: ReadonlyMap<string, readonly string[]>;
  /** npm packages that are imported anywhere. */
  readonly packages: ReadonlySet<string>;
  private readonly aliases: readonly (readonly [string, string])[];

  constructor(private readonly files: Files) {
    const { paths } = Compiler.parse(JSON.parse(files.get('tsconfig.base.json') ?? '')).compilerOptions;
    this.aliases = Object.entries(paths).map(([alias, [target = '']]) => [alias, posix.normalize(target)] as const);
    const packages = new Set<string>();
    const imports = [...files]
      .filter(([path]) => isCode(path))
      .map(([path, text]) => {
        const found = specifiersOf(text).flatMap((specifier) => {
          const file = this.fileOf(specifier, path);
          if (file === undefined && !specifier.startsWith('.') && !specifier.startsWith('node:')) {
            packages.add(
              specifier
                .split('/')
                .slice(0, specifier.startsWith('@') ? 2 : 1)
                .join('/'),
            );
          }
          return file === undefined ? [] : [file];
        });
        return [path, found] as const;
      });
    this.imports = new Map(imports);
    this.packages = packages;
  }

  /** The file that a module means by a specifier; undefined for a package, and for a file that is not there. */
  fileOf(specifier: string, from: string): string | undefined {
    const path = this.pathOf(specifier, from);
    return path === undefined
      ? undefined
      : [path, `${path}.ts`, `${path}.mjs`, `${path}/index.ts`].find((candidate) => this.files.has(candidate));
  }

  /** Where a specifier of this workspace leads, whether anything is there or not. */
  pathOf(specifier: string, from: string): string | undefined {
    if (specifier.startsWith('.')) {
      return posix.join(posix.dirname(from), specifier);
    }
    for (const [alias, target] of this.aliases) {
      const [head = '', tail] = alias.split('*');
      if (tail === undefined ? specifier === alias : specifier.startsWith(head)) {
        return target.replace('*', specifier.slice(head.length));
      }
    }
    return undefined;
  }
}

/** Every module that a program names: in imports, exports, `import()` and types. */
export function specifiersOf(text: string): readonly string[] {
  const found =
    specifiers.get(text) ?? ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
  specifiers.set(text, found);
  return found;
}

/** A workspace is read several times on the way, and most of its programs never change. */
const specifiers = new Map<string, readonly string[]>();

/** The program without the elements of arrays that load a module which is gone: a command without its file. */
export function withoutElements(path: string, text: string, isGone: (specifier: string) => boolean): string {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const cuts: (readonly [number, number])[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isArrayLiteralExpression(node)) {
      for (const element of node.elements) {
        if (dynamicImportsIn(element).some(isGone)) {
          cuts.push([element.getFullStart(), element.end + (text[element.end] === ',' ? 1 : 0)]);
        }
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return cuts.reduceRight((rest, [start, end]) => rest.slice(0, start) + rest.slice(end), text);
}

function dynamicImportsIn(node: ts.Node): readonly string[] {
  const found: string[] = [];
  const visit = (child: ts.Node): void => {
    const argument =
      ts.isCallExpression(child) && child.expression.kind === ts.SyntaxKind.ImportKeyword
        ? child.arguments[0]
        : undefined;
    if (argument !== undefined && ts.isStringLiteral(argument)) {
      found.push(argument.text);
    }
    ts.forEachChild(child, visit);
  };
  visit(node);
  return found;
}

/** The program without imports that it does not use. */
export function withoutUnusedImports(path: string, text: string): string {
  const snapshot = ts.ScriptSnapshot.fromString(text);
  const service = ts.createLanguageService({
    getCompilationSettings: () => ({ allowJs: true, noResolve: true, noLib: true, target: ts.ScriptTarget.Latest }),
    getScriptFileNames: () => [path],
    getScriptVersion: () => '1',
    getScriptSnapshot: (name) => (name === path ? snapshot : undefined),
    getCurrentDirectory: () => '/',
    getDefaultLibFileName: () => 'lib.d.ts',
    fileExists: (name) => name === path,
    readFile: (name) => (name === path ? text : undefined),
  });
  const options = { type: 'file', fileName: path, mode: ts.OrganizeImportsMode.RemoveUnused } as const;
  const [changes] = service.organizeImports(options, {}, {});
  return (changes?.textChanges ?? [])
    .toSorted((a, b) => b.span.start - a.span.start)
    .reduce(
      (rest, { span, newText }) => rest.slice(0, span.start) + newText + rest.slice(span.start + span.length),
      text,
    );
}
