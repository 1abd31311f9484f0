import { z } from 'zod';
import { type Measure, measures, type SystemFigures } from './peers-figures';
import type { PeersResult } from './peers-report';

/** What is compared: latencies of a short run are noise, and memory does not change with the machine’s load. */
const JUDGED: readonly string[] = [
  'orders/s, POST to Confirmed',
  'CPU-seconds per 1,000 orders',
  'one product/s, kept',
  'one product/s, not kept',
  'list of 20/s, not kept',
  'programs under orders, MiB',
];
/** A ratio of a shared machine varies; one that is half as good is no accident. */
const WORST = 0.5;

/** The ratios of a run that was good, in `recorded-ratios.json`. */
export const RecordedRatios = z.object({
  at: z.string(),
  machine: z.string(),
  /** How the file was written. */
  command: z.string(),
  /** Rookery’s figure as a multiple of a peer’s. */
  ratios: z.record(z.string(), z.number()),
});
export type RecordedRatios = z.infer<typeof RecordedRatios>;

type Ratios = Readonly<Record<string, number>>;

/** Rookery’s figures as multiples of each peer’s, named `<figure> beside <peer>`; without what was not measured. */
export function ratiosOf({ systems: [own, ...others] }: Pick<PeersResult, 'systems'>): Ratios {
  const judged = measures.filter(({ name }) => JUDGED.includes(name));
  const ratios = judged.flatMap((measure) =>
    others.map((other) => [nameOf(measure, other), measure.of(own) / measure.of(other)] as const),
  );
  return Object.fromEntries(ratios.filter(([, ratio]) => Number.isFinite(ratio)));
}

/** What is wrong with the ratios of a run, beside the recorded ones; empty when nothing is. */
export function complaintsAbout(ratios: Ratios, { ratios: recorded, at }: RecordedRatios): readonly string[] {
  return Object.entries(recorded).flatMap(([name, before]) => {
    const now = ratios[name];
    if (now === undefined) {
      return [`${name}: not measured, ${before.toFixed(2)} × on ${day(at)}`];
    }
    const asGood = isLessBetter(name) ? before / now : now / before;
    return asGood < WORST
      ? [
          `${name}: ${now.toFixed(2)} ×, ${before.toFixed(2)} × on ${day(at)}, which is ${asGood.toFixed(2)} times as good`,
        ]
      : [];
  });
}

const nameOf = (measure: Measure, other: SystemFigures): string => `${measure.name} beside ${other.name}`;

const isLessBetter = (ratio: string): boolean =>
  measures.some(({ name, better }) => better === 'less' && ratio.startsWith(`${name} beside `));

const day = (at: string): string => at.slice(0, 10);
