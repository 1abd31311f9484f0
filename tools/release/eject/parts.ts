import type { Part } from './part';
import { bench } from './parts/bench';
import { chaos } from './parts/chaos';
import { findings } from './parts/findings';
import { fuzz } from './parts/fuzz';
import { kubernetes } from './parts/kubernetes';
import { mails } from './parts/mails';
import { simulation } from './parts/simulation';
import { strangler } from './parts/strangler';

/** What `rookery eject` takes, in the order of its list. */
export const parts: readonly Part[] = [kubernetes, strangler, mails, chaos, simulation, fuzz, bench, findings];
