import { matches, packagesIn, programOf } from './manifests';
import { isCode, Modules, specifiersOf } from './modules';
import { covers, type Files, type Part } from './part';

/** What a part names and the workspace does not have, one line each: the part is no longer true. */
export function faultsOfPart(part: Part, files: Files): readonly string[] {
  const paths = [...files.keys()];
  const manifest = files.get('package.json') ?? '';
  return [
    ...part.paths.filter((pattern) => !paths.some((path) => covers([pattern], path))),
    ...(part.moves ?? []).map(({ from }) => from).filter((from) => !paths.some((path) => covers([from], path))),
    ...(part.scripts ?? []).filter((script) => !programOf(manifest).scripts.includes(script)),
    ...(part.packages ?? []).filter((pattern) => !packagesIn(manifest).some((name) => matches(pattern, name))),
    ...(part.elements ?? [])
      .filter(({ file, containing }) => !(files.get(file) ?? '').includes(containing))
      .map(({ file, containing }) => `"${containing}" in ${file}`),
  ].map((what) => `${part.name}: ${what} is not there`);
}

/** Imports of modules that are not there, one line each. */
export function danglingImports(files: Files): readonly string[] {
  const modules = new Modules(files);
  return [...files]
    .filter(([path]) => isCode(path))
    .flatMap(([path, text]) =>
      specifiersOf(text)
        .filter(
          (specifier) => modules.pathOf(specifier, path) !== undefined && modules.fileOf(specifier, path) === undefined,
        )
        .map((specifier) => `${path} imports ${specifier}, which is not there`),
    );
}
