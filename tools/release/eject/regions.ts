/** Lines that belong to parts: from `#region part:a` to `#endregion part:a`, or one line that ends with the comment `part:a`. */
const BEGIN = /#region part:(?<parts>[\w+-]+)/;
const END = /#endregion part:(?<parts>[\w+-]+)/;
const LINE = /(?:\/\/|#|<!--) part:(?<parts>[\w+-]+)(?: -->)?$/;

/** A mark in a file. `a+b` belongs to several parts and stays as long as one of them does. */
interface Mark {
  readonly line: number;
  readonly parts: readonly string[];
}

/** The text without the lines of parts that are gone. */
export function withoutRegions(text: string, isGone: (part: string) => boolean): string {
  if (!text.includes('part:')) {
    return text;
  }
  const goes = ({ parts }: Mark): boolean => parts.every(isGone);
  let within: string | undefined;
  const kept = text.split('\n').filter((content, line) => {
    if (within !== undefined) {
      within = partsAt(END, content)?.join('+') === within ? undefined : within;
      return false;
    }
    const begin = partsAt(BEGIN, content);
    if (begin !== undefined && goes({ line, parts: begin })) {
      within = begin.join('+');
      return false;
    }
    const single = partsAt(LINE, content);
    return single === undefined || !goes({ line, parts: single });
  });
  return kept.join('\n');
}

/** Every part that a text marks lines of. */
export const partsMarkedIn = (text: string): readonly string[] => [
  ...new Set(marksOf(text).flatMap(({ parts }) => parts)),
];

/** Regions that do not end, or end without a beginning; and parts that there are not. */
export function faultsOfRegions(text: string, known: readonly string[]): readonly string[] {
  const open: string[] = [];
  const faults = marksOf(text)
    .flatMap(({ parts }) => parts.filter((part) => !known.includes(part)))
    .map((part) => `there is no part "${part}"`);
  for (const content of text.split('\n')) {
    const [begin, end] = [partsAt(BEGIN, content)?.join('+'), partsAt(END, content)?.join('+')];
    if (begin !== undefined) {
      open.push(begin);
    } else if (end !== undefined && open.pop() !== end) {
      faults.push(`#endregion part:${end} without its #region`);
    }
  }
  return [...faults, ...open.map((name) => `#region part:${name} does not end`)];
}

function marksOf(text: string): readonly Mark[] {
  return text.split('\n').flatMap((content, line) => {
    const parts = partsAt(BEGIN, content) ?? partsAt(LINE, content);
    return parts === undefined ? [] : [{ line, parts }];
  });
}

const partsAt = (pattern: RegExp, line: string): readonly string[] | undefined =>
  pattern.exec(line)?.groups?.['parts']?.split('+');
