import { styleText } from 'node:util';

/** What became of a check. */
type Outcome = 'passed' | 'failed' | 'not verified';

/** One check, or what could not be checked. */
export interface Line {
  readonly what: string;
  readonly outcome: Outcome;
  readonly detail: string;
}

const MARKS: Readonly<Record<Outcome, string>> = { passed: '✓', failed: '✗', 'not verified': '–' };
const COLOURS = { passed: 'green', failed: 'red', 'not verified': 'yellow' } as const;

/** Collects what was checked, with what was seen; also what could not be checked and why. */
export class Report {
  private readonly written: Line[] = [];

  constructor(private readonly print: (line: string) => void) {}

  /** Runs a check, which answers with what it saw or throws with what is wrong. */
  async check(what: string, work: () => Promise<string> | string): Promise<boolean> {
    try {
      this.add({ what, outcome: 'passed', detail: await work() });
      return true;
    } catch (error) {
      this.add({ what, outcome: 'failed', detail: error instanceof Error ? error.message : String(error) });
      return false;
    }
  }

  /** Says what was not checked, and why. */
  notVerified(what: string, reason: string): void {
    this.add({ what, outcome: 'not verified', detail: reason });
  }

  get lines(): readonly Line[] {
    return this.written;
  }

  get failed(): number {
    return this.lines.filter(({ outcome }) => outcome === 'failed').length;
  }

  /** One line: how many of each. */
  get summary(): string {
    const count = (outcome: Outcome): string =>
      `${this.lines.filter((line) => line.outcome === outcome).length} ${outcome}`;
    return [count('passed'), count('failed'), count('not verified')].join(', ');
  }

  private add(line: Line): void {
    this.written.push(line);
    const { what, outcome, detail } = line;
    this.print(`${styleText(COLOURS[outcome], MARKS[outcome])} ${what}${detail === '' ? '' : `: ${detail}`}`);
  }
}

/** Throws with the message unless it holds. */
export function must(holds: boolean, message: string): asserts holds {
  if (!holds) {
    throw new Error(message);
  }
}

/** Bytes as a person reads them. */
export const inMegabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`;
