import { matchesGlob } from 'node:path';

/**
 * Something that a team may do without. What is named here goes at once; what only that used (modules, npm packages, commands, rows of documents) follows
 * by the rules of eject.ts. Lines within files that stay are marked there: `#region part:<name>`, see regions.ts.
 */
export interface Part {
  /** What `rookery eject <name>` takes. */
  readonly name: string;
  /** What goes, in one line. */
  readonly goes: string;
  /** Files, folders and patterns. */
  readonly paths: readonly string[];
  /** Files that others use as well, and where they are from then on; every mention follows. */
  readonly moves?: readonly Move[];
  /** npm scripts. */
  readonly scripts?: readonly string[];
  /** npm packages that no module imports, by name or with `*` at the end; the others are found by their imports. */
  readonly packages?: readonly string[];
  /** Words of documents, as regular expressions: a sentence, a row or a section that is about one of them goes as well. */
  readonly terms?: readonly string[];
  /** Elements of arrays in JSON files, which know no comments. */
  readonly elements?: readonly JsonElement[];
}

/** From one path to another, a file or a folder. */
export interface Move {
  readonly from: string;
  readonly to: string;
  /** Of a folder, only the names that match. */
  readonly only?: string;
}

/** The elements of an array that contain a text somewhere. */
export interface JsonElement {
  readonly file: string;
  readonly array: string;
  readonly containing: string;
}

/** The files of a workspace, by their paths from its root. */
export type Files = ReadonlyMap<string, string>;

/** Whether a path is one of the patterns, or in one of the folders. */
export const covers = (patterns: readonly string[], path: string): boolean =>
  patterns.some((pattern) => path === pattern || path.startsWith(`${pattern}/`) || matchesGlob(path, pattern));

/** Whether nothing of the part is there. */
export const isEjected = ({ paths }: Part, files: Files): boolean =>
  ![...files.keys()].some((path) => covers(paths, path));
