/** The repository's files, by paths from its root. */
export interface RepositoryFiles {
  exists(path: string): boolean;
  read(path: string): string;
}

/** A spec that proves something, with the titles of the tests that do. */
export interface Proof {
  readonly path: string;
  readonly titles: readonly string[];
}

const TITLE = /\(\s*(?<quote>['"`])(?<title>(?:(?!\k<quote>).)+)\k<quote>,/g;

/** The proofs that are not specs, and the titles that no test has. */
export function faultsOfProof({ path, titles }: Proof, files: RepositoryFiles): readonly string[] {
  if (!files.exists(path)) {
    return [`${path} does not exist`];
  }
  if (!/\.(int-)?spec\.ts$/.test(path)) {
    return [`${path} is not a spec`];
  }
  const spec = files.read(path);
  return titles.filter((title) => !hasTitle(spec, title)).map((title) => `${path} has no test "${title}"`);
}

/** Each id that does not have exactly one row. */
export function faultsOfIds(expected: readonly string[], rows: readonly string[], what: string): readonly string[] {
  const known = new Set(expected);
  return [
    ...expected.flatMap((id) => wrongCount(id, rows.filter((row) => row === id).length)),
    ...rows.filter((id) => !known.has(id)).map((id) => `${id}: no such ${what}`),
  ];
}

function wrongCount(id: string, count: number): readonly string[] {
  if (count === 1) {
    return [];
  }
  return [count === 0 ? `${id}: no row` : `${id}: ${count} rows`];
}

/** A title is the first argument of describe, it, or of what their `each` returns. */
function hasTitle(spec: string, title: string): boolean {
  return [...spec.matchAll(TITLE)].some(({ groups }) => groups?.['title'] === title);
}
