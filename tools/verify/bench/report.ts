import { loadavg } from 'node:os';
import { machine } from '../results/store-report';

/** What a bench hands over: for programs and for people. */
export interface Report {
  readonly json: object;
  readonly markdown: string;
}

/** One thing that was measured, in all rounds. */
export interface Contestant {
  readonly name: string;
  /** What it does, in a few words. */
  readonly what: string;
  /** Per second, one figure per round. */
  readonly rates: readonly number[];
}

/** What a bench has found out. */
export interface BenchResult {
  readonly name: string;
  readonly command: string;
  readonly at: string;
  readonly machine: string;
  /** What is counted: `rows`. */
  readonly unit: string;
  /** What was done, for people. */
  readonly setting: string;
  /** The one that it is about comes first; the others are its peers in the same run. */
  readonly contestants: readonly [Contestant, ...Contestant[]];
  /** What was checked beside the speed, each true. */
  readonly verified: readonly string[];
}

/** When and on what a bench runs. Taken before it starts: what others do on the machine tells how much its figures mean. */
export const circumstances = (): Pick<BenchResult, 'at' | 'machine'> => ({
  at: new Date().toISOString(),
  machine: `${machine()}, load ${(loadavg()[0] ?? 0).toFixed(1)} before`,
});

/** The middle one, or the lower of the two in the middle. */
export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}

/** A figure without decimals: `12,345`. */
export const whole = (figure: number): string => Math.round(figure).toLocaleString('en-US');

/** A result for people, in Markdown: machines are noisy, so the ratio says more than the rate. */
export function markdownOf({ name, command, at, machine, unit, setting, contestants, verified }: BenchResult): string {
  const [{ name: subject, rates }] = contestants;
  const own = median(rates);
  return [
    `# ${name}`,
    '',
    `\`${command}\`, ${at}, ${machine}. ${setting}`,
    '',
    `|  | ${unit}/s, median | rounds | ${subject} is |`,
    '| --- | ---: | --- | ---: |',
    ...contestants.map((one, index) => {
      const ratio = index === 0 ? '' : `${(own / median(one.rates)).toFixed(2)} ×`;
      return `| **${one.name}**: ${one.what} | ${whole(median(one.rates))} | ${one.rates.map(whole).join(' · ')} | ${ratio} |`;
    }),
    '',
    ...verified.map((fact) => `- ${fact}`),
    '',
  ].join('\n');
}
