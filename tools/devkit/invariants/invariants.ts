import { i1 } from './i1';
import { i2 } from './i2';
import { i3 } from './i3';
import { i4 } from './i4';
import { i5 } from './i5';
import { i6 } from './i6';
import { i7 } from './i7';
import { i8 } from './i8';
import { i9 } from './i9';
import { i10 } from './i10';
import { i11 } from './i11';
import { i12 } from './i12';
import type { Invariant, Violation, World } from './world';

/** I1 to I12. */
export const invariants: readonly Invariant[] = [i1, i2, i3, i4, i5, i6, i7, i8, i9, i10, i11, i12];

/** What is broken in a world in which nothing moves any more. */
export const brokenAtRest = (world: World): readonly Violation[] =>
  invariants.flatMap(({ id, atRest }) => atRest(world).map((what) => ({ invariant: id, what })));

// #region part:simulation
/** What is broken in a world at any moment. */
export const brokenAlways = (world: World): readonly Violation[] =>
  invariants.flatMap(({ id, always }) => (always?.(world) ?? []).map((what) => ({ invariant: id, what })));
// #endregion part:simulation
