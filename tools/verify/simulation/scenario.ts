import fc from 'fast-check';
import { tokens } from './bank';
import type { Circumstances, Wish } from './circumstances';

const mishaps = ['none', 'crash-before-commit', 'crash-after-commit', 'lost', 'again'] as const;
export type Mishap = (typeof mishaps)[number];
const kinds = ['place', 'cancel', 'publish', 'deliver', 'claim', 'move', 'wait', 'sweep'] as const;

export type Kind = (typeof kinds)[number];

/** One step: what kind of thing happens, to which of those it can happen to, and what goes wrong with it. */
export interface Step {
  readonly kind: Kind;
  readonly pick: number;
  readonly mishap: Mishap;
}

/** What fast-check draws. */
export interface Drawn {
  readonly units: readonly number[];
  readonly wishes: readonly Wish[];
  readonly steps: readonly Step[];
}

export interface Scenario extends Drawn, Circumstances {
  /** Whether events of one aggregate keep their order on the way, as relay and consumers see to. */
  readonly ordered: boolean;
}

const aWish = fc.record({
  quantities: fc
    .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 2 }))
    .map((units) => units.map((quantity, product) => ({ product, quantity })).filter(({ quantity }) => quantity > 0)),
  token: fc.oneof(
    { weight: 4, arbitrary: fc.constant('tok_ok' as const) },
    { weight: 5, arbitrary: fc.constantFrom(...tokens) },
  ),
});

/** Mostly all goes well: what never gets anywhere breaks nothing. */
const aMishap = fc.oneof(
  { weight: 8, arbitrary: fc.constant('none' as const) },
  { weight: 3, arbitrary: fc.constantFrom(...mishaps) },
);

const weights = { place: 6, cancel: 2, publish: 24, deliver: 36, claim: 12, move: 24, wait: 2, sweep: 2 } as const;

const aStep: fc.Arbitrary<Step> = fc.record({
  kind: fc.oneof(...kinds.map((kind) => ({ weight: weights[kind], arbitrary: fc.constant(kind) }))),
  pick: fc.nat(99),
  mishap: aMishap,
});

/** Few units wanted by several, and many steps. */
export const aScenario: fc.Arbitrary<Drawn> = fc.record({
  units: fc.tuple(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 5 })),
  wishes: fc.array(aWish, { minLength: 1, maxLength: 5, size: 'max' }),
  steps: fc.array(aStep, { maxLength: 200, size: 'max' }),
});
