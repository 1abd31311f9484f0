import { bannedPhrases } from './banned-phrases';

/** The longest sentence that a page may have, in words. */
const LONGEST = 40;
/** The longest mean sentence that a page may have, in words. */
const LONGEST_MEAN = 25;

const FENCED = /^ *```[\s\S]*?^ *```$|<!--[\s\S]*?-->/gm;
const LINK = /!?\[(?<text>[^\]]*)\]\([^)]*\)/g;
const CODE = /`[^`\n]*`/g;
/** Where a block of prose begins: an empty line, a list item, a heading, a table row. */
const BLOCK = /\n\s*\n|\n(?=\s*(?:[-*]|\d+\.|#+|\|) ?)|\|/;
const SENTENCE_END = /(?<=[.!?][)”"]?)\s+(?=[\p{Lu}`“("])/u;
const WORD = /[\p{L}\p{N}][\p{L}\p{N}’'.,/–-]*/gu;
const COMMENT = /^\s*(?:\/\/|\/?\*|#)(?<text>.*)$|\/\/ (?<trailing>.*)$/gm;
const STRING = /'(?<single>(?:[^'\\\n]|\\.)*)'|"(?<double>(?:[^"\\\n]|\\.)*)"|`(?<template>(?:[^`\\]|\\.)*)`/g;

/** The sentences of a page, and how long they are. */
export interface SentenceLengths {
  /** The mean, in words; 0 for a page without sentences. */
  readonly mean: number;
  /** The sentences that are longer than a page may have them. */
  readonly tooLong: readonly string[];
}

/** The sentences of a Markdown page: without code blocks and comments, each table cell and list item by itself. */
export function sentencesOf(markdown: string): readonly string[] {
  return plainText(markdown)
    .split(BLOCK)
    .flatMap((block) => block.replace(/\s+/g, ' ').trim().split(SENTENCE_END))
    .filter((sentence) => wordsOf(sentence) > 3);
}

/** How long the sentences of a Markdown page are. */
export function sentenceLengths(markdown: string): SentenceLengths {
  const sentences = sentencesOf(markdown);
  const words = sentences.reduce((sum, sentence) => sum + wordsOf(sentence), 0);
  return {
    mean: sentences.length === 0 ? 0 : words / sentences.length,
    tooLong: sentences.filter((sentence) => wordsOf(sentence) > LONGEST),
  };
}

/** Everything that is wrong with the English of a Markdown page, one line each; empty when nothing is. */
export function faultsOfPage(markdown: string): readonly string[] {
  const { mean, tooLong } = sentenceLengths(markdown);
  return [
    ...faultsOfWords(plainText(markdown)),
    ...tooLong.map((sentence) => `a sentence of ${wordsOf(sentence)} words: "${sentence.slice(0, 60)}…"`),
    ...(mean > LONGEST_MEAN ? [`the mean sentence has ${mean.toFixed(1)} words`] : []),
  ];
}

/** The banned phrases in the comments and strings of a program. */
export function faultsOfProgram(source: string): readonly string[] {
  const comments = [...source.matchAll(COMMENT)].map(({ groups }) => groups?.['text'] ?? groups?.['trailing'] ?? '');
  const code = source.replace(COMMENT, '');
  const strings = [...code.matchAll(STRING)].map(
    ({ groups }) => groups?.['single'] ?? groups?.['double'] ?? groups?.['template'] ?? '',
  );
  return faultsOfWords([comments.join(' '), ...strings].join('\n'));
}

/** The banned phrases in the comments of a YAML, shell or configuration file. */
export function faultsOfComments(source: string): readonly string[] {
  const comments = [...source.matchAll(/(?:^|\s)#(?<text>.*)$/gm)].map(({ groups }) => groups?.['text'] ?? '');
  return faultsOfWords(comments.join(' '));
}

function faultsOfWords(text: string): readonly string[] {
  const prose = text.replace(/\s+/g, ' ');
  return bannedPhrases.flatMap(({ phrase, instead }) =>
    [...prose.matchAll(new RegExp(`.{0,30}(?<![\\w-])(?:${phrase})(?![\\w-]).{0,20}`, 'gi'))].map(
      ([found]) => `"${found.trim()}": ${instead}`,
    ),
  );
}

/** Code becomes one word, a link its text. */
function plainText(markdown: string): string {
  return markdown
    .replace(FENCED, '\n')
    .replace(LINK, '$<text>')
    .replace(/<[^>\n]*>/g, '\n\n')
    .replace(CODE, '`code`');
}

function wordsOf(sentence: string): number {
  return [...sentence.matchAll(WORD)].length;
}
