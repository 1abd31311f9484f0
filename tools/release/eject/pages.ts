import { posix } from 'node:path';

/** What a page may no longer speak of. */
export interface Dead {
  /** Whether nothing is at a path of the workspace any more; it has no anchor. */
  path(path: string): boolean;
  /** Whether a heading is gone from a page that is there. */
  anchor(path: string, anchor: string): boolean;
  /** Whether a text is about a command or a thing that is gone. */
  subject(text: string): boolean;
  /** The text with the names of commands that are gone, and not with the words that call them. */
  uncalled(text: string): string;
}

const LINK = /!?\[(?<text>(?:[^[\]]|\[[^\]]*\])*)\]\((?<target>[^()\s]+)\)/g;
const MENTION =
  /(?<![\w./@-])(?:apps|docker|docs|infra|k8s|libs|tools)\/(?:[\w-]+\/)*[\w.-]+\.(?:md|ts|mjs|ya?ml|tf)\b/g;
const NAME = /`(?<name>[\w./-]+)`/g;
const SENTENCE_END = /(?<=[.!?]["”)]?)\s+(?=["“*`[(]*[A-Z`[“])/;

/** What is removed of a page. */
export interface PageOptions {
  readonly path: string;
  readonly dead: Dead;
  /** A record of what was: its sentences stay, without the links. @default false */
  readonly record?: boolean;
}

/** The page without rows, list items and sentences about what is gone. */
export function mendPage(text: string, options: PageOptions): string {
  const page = new Page(options);
  if (!page.isDead(text)) {
    return text;
  }
  if (options.record === true) {
    return page.unlinked(text);
  }
  const blocks = withoutSections(blocksOf(text), (heading) => options.dead.subject(heading)).flatMap((block) => {
    const mended = page.block(block);
    return mended === undefined ? [] : [mended];
  });
  return `${withoutEmptySections(blocks).join('\n\n').trimEnd()}\n`;
}

/** Pieces between blank lines; a code block is one piece. */
function blocksOf(text: string): readonly string[] {
  const blocks: string[][] = [[]];
  let inCode = false;
  for (const line of text.split('\n')) {
    inCode = /^\s*```/.test(line) ? !inCode : inCode;
    if (line.trim() === '' && !inCode) {
      blocks.push([]);
    } else {
      blocks.at(-1)?.push(line);
    }
  }
  return blocks.filter((block) => block.length > 0).map((block) => block.join('\n'));
}

/** 1 to 6 for a heading, and more for a text; the end of a page is above all. */
const levelOf = (block: string | undefined): number => /^#+(?= )/.exec(block ?? '# ')?.[0].length ?? 7;

/** A heading that is about what is gone takes along what is below it; the title of a page does not. */
function withoutSections(blocks: readonly string[], isDead: (heading: string) => boolean): readonly string[] {
  let within = 7;
  return blocks.filter((block) => {
    const level = levelOf(block);
    if (level <= within) {
      within = level > 1 && level < 7 && isDead(block) ? level : 7;
      return within === 7;
    }
    return within === 7;
  });
}

/** A heading that lost all that was below it goes too. */
function withoutEmptySections(blocks: readonly string[]): readonly string[] {
  const kept = blocks.filter((block, index) => levelOf(block) === 7 || levelOf(blocks[index + 1]) > levelOf(block));
  return kept.length === blocks.length ? kept : withoutEmptySections(kept);
}

class Page {
  constructor(private readonly options: PageOptions) {}

  isDead(text: string): boolean {
    return this.isSubject(text) || this.deadTargets(text).length > 0 || this.deadMentions(text).length > 0;
  }

  /** What a link leads to is no subject; what it says is. */
  private isSubject(text: string): boolean {
    return this.options.dead.subject(text.replace(LINK, '$<text>'));
  }

  /** The block as it is from now on; undefined when nothing of it is left. */
  block(block: string): string | undefined {
    if (!this.isDead(block)) {
      return block;
    }
    if (/^\s*```/.test(block)) {
      const lines = block.split('\n').filter((line) => !/^\s*```sh/.test(block) || !this.isDead(line));
      return lines.length > 2 ? lines.join('\n') : undefined;
    }
    if (block.startsWith('#')) {
      return this.unlinked(block);
    }
    if (block.startsWith('|')) {
      return this.table(block);
    }
    return /^\s*(?:[-*]|\d+\.) /.test(block) ? this.list(block) : this.prose(block);
  }

  private table(block: string): string | undefined {
    const [head = '', rule = '', ...rows] = block.split('\n');
    const kept = rows.flatMap((row) => (this.isDead(row) ? this.row(row) : [row]));
    return kept.length === 0 ? undefined : [head, rule, ...kept].join('\n');
  }

  /** A row goes when its first cell, or everything that it links to, is gone. */
  private row(row: string): readonly string[] {
    const cells = row.split(/(?<!\\)\|/).slice(1, -1);
    if (this.isDead(cells[0] ?? '') || this.allGone(row)) {
      return [];
    }
    const mended = cells.map((cell) => (this.isDead(cell) ? this.cell(cell) : cell));
    return mended.some((cell, index) => cell.trim() === '' && cells[index]?.trim() !== '')
      ? []
      : [`|${mended.join('|')}|`];
  }

  /** Of a list with commas the dead items go, of prose the sentence. */
  private cell(cell: string): string {
    const isList = /^\s*\[[^\]]*\]\([^)]*\)(?:,| and)/.test(cell);
    const parts = isList ? cell.split(/(?<=\)), /) : undefined;
    return parts === undefined ? (this.prose(cell) ?? '') : parts.filter((part) => !this.isDead(part)).join(', ');
  }

  private list(block: string): string | undefined {
    const items = block.split(/\n(?=\s*(?:[-*]|\d+\.) )/);
    const kept = items.flatMap((item) => {
      if (!this.isDead(item)) {
        return [item];
      }
      const bullet = /^\s*(?:[-*]|\d+\.) /.exec(item)?.[0] ?? '';
      const [first = ''] = item.split(SENTENCE_END);
      const rest = this.isDead(this.withoutAsides(first)) ? undefined : this.prose(item.slice(bullet.length));
      return rest === undefined ? [] : [bullet + rest];
    });
    return kept.length === 0 ? undefined : kept.join('\n');
  }

  private prose(text: string): string | undefined {
    const lead = /^\s*/.exec(text)?.[0] ?? '';
    const kept = text
      .trim()
      .split(SENTENCE_END)
      .map((sentence) => this.withoutAsides(sentence))
      .filter((sentence) => !this.isDead(sentence));
    return kept.length === 0 ? undefined : lead + kept.join(' ') + (/\s$/.test(text) ? ' ' : '');
  }

  /** `(decision 9)` and `(see x)` are not what a sentence is about. */
  private withoutAsides(sentence: string): string {
    return sentence.replace(/\s*\((?:[^()]|\([^()]*\))*\)/g, (aside) =>
      /^\s+\(/.test(aside) && this.isDead(aside) ? '' : aside,
    );
  }

  /** Whether there are links, and all lead nowhere. */
  private allGone(text: string): boolean {
    const targets = this.targets(text);
    return targets.length > 0 && targets.every((target) => this.leadsNowhere(target));
  }

  /** The sentences as they are, with words in place of links that lead nowhere. */
  unlinked(text: string): string {
    return this.options.dead
      .uncalled(text)
      .replace(LINK, (link, label: string, target: string) => (this.leadsNowhere(target) ? label : link))
      .replace(MENTION, (mention) => (this.options.dead.path(mention) ? posix.basename(mention) : mention));
  }

  private targets(text: string): readonly string[] {
    return [...text.matchAll(LINK)].map(({ groups }) => groups?.['target'] ?? '');
  }

  private deadTargets(text: string): readonly string[] {
    return this.targets(text).filter((target) => this.leadsNowhere(target));
  }

  private deadMentions(text: string): readonly string[] {
    const folder = posix.dirname(this.options.path);
    return [
      ...[...text.matchAll(MENTION)].map(([mention]) => mention).filter((mention) => this.options.dead.path(mention)),
      // Beside the page.
      ...[...text.matchAll(NAME)]
        .map(([, name = '']) => name)
        .filter((name) => this.options.dead.path(posix.join(folder, name))),
    ];
  }

  private leadsNowhere(target: string): boolean {
    if (/^(?:https?:|mailto:)/.test(target)) {
      return false;
    }
    const [file = '', anchor] = target.split('#');
    const path = file === '' ? this.options.path : posix.join(posix.dirname(this.options.path), file);
    return this.options.dead.path(path) || (anchor !== undefined && this.options.dead.anchor(path, anchor));
  }
}
