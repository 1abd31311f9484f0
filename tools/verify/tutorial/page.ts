import { stripVTControlCharacters } from 'node:util';

/** What a reader does: change files by a unified diff, or run commands that print what the page promises. */
export type Action =
  | { readonly kind: 'edit'; readonly diff: string }
  | { readonly kind: 'run'; readonly commands: string; readonly promised: readonly string[] };

/** What stands under one heading of a tutorial. */
export interface Step {
  readonly title: string;
  readonly actions: readonly Action[];
}

const SECTION = /^## (?<title>.+)\n(?<body>[\s\S]*?)(?=^## |(?![\s\S]))/gm;
const BLOCK = /^```(?<language>\w*)\n(?<text>[\s\S]*?)^```$/gm;
const PROMISE = '# ';

/**
 * The steps of a tutorial: its sections with code blocks.
 * @throws {Error} when a block is neither `diff` nor `sh`, which no reader could follow
 */
export function stepsOf(markdown: string): readonly Step[] {
  return [...markdown.matchAll(SECTION)]
    .map(({ groups }) => ({ title: groups?.['title'] ?? '', body: groups?.['body'] ?? '' }))
    .map(({ title, body }) => ({ title, actions: actionsIn(title, body) }))
    .filter(({ actions }) => actions.length > 0);
}

const actionsIn = (title: string, body: string): readonly Action[] =>
  [...body.matchAll(BLOCK)].map(({ groups }) =>
    actionOf(title, { language: groups?.['language'] ?? '', text: groups?.['text'] ?? '' }),
  );

function actionOf(title: string, block: { readonly language: string; readonly text: string }): Action {
  const { language, text } = block;
  if (language === 'diff') {
    return { kind: 'edit', diff: text };
  }
  if (language !== 'sh') {
    throw new Error(`"${title}" has a block of "${language}": write a change as diff, commands as sh`);
  }
  const lines = text.trimEnd().split('\n');
  return {
    kind: 'run',
    commands: lines.filter((line) => !line.startsWith(PROMISE)).join('\n'),
    promised: lines.filter((line) => line.startsWith(PROMISE)).map((line) => line.slice(PROMISE.length)),
  };
}

/** The promised lines that are in no line of the output. In a promise, `…` stands for anything. */
export function brokenPromises(promised: readonly string[], output: string): readonly string[] {
  const lines = stripVTControlCharacters(output).split('\n');
  return promised.filter((promise) => !lines.some((line) => keeps(line, promise)));
}

function keeps(line: string, promise: string): boolean {
  let from = 0;
  for (const part of promise.split('…')) {
    const at = line.indexOf(part, from);
    if (at === -1) {
      return false;
    }
    from = at + part.length;
  }
  return true;
}
