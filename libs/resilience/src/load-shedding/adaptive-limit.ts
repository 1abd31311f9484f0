/** How an `AdaptiveLimit` behaves; the defaults suit an edge whose answers take milliseconds. */
export interface AdaptiveLimitOptions {
  /** Never fewer than this, however slow the answers are. */
  readonly min: number;
  /** Never more. */
  readonly max: number;
  /** To begin with; 100 unless told, within the bounds. */
  readonly initial?: number;
  /** Answers may take so many times what they take when nothing waits; 2.5 unless told. */
  readonly tolerance?: number;
  /** Faster than this, in ms, nothing has to be: a smaller baseline counts as this. 10 unless told. */
  readonly floorMs?: number;
  /** The limit changes once per window, in ms, and not before `windowSamples` answers. 200 ms and 10 unless told. */
  readonly windowMs?: number;
  readonly windowSamples?: number;
  /** Milliseconds that only go forward. */
  readonly now?: () => number;
}

/** Answers of one kind: a page of products and an order differ in what they take when nothing waits. */
class Kind {
  private samples = 0;
  private recentMs = 0;
  private baselineMs = Infinity;
  private probed = { samples: 0, tookMs: 0 };

  /** Takes note of an answer; returns what it would have taken had nothing waited, which is not known of the first ones. */
  learn(tookMs: number): number {
    this.samples += 1;
    this.recentMs += (tookMs - this.recentMs) / Math.min(this.samples, MEMORY);
    if (this.samples >= MEMORY) this.baselineMs = Math.min(this.baselineMs, this.recentMs);
    return Number.isFinite(this.baselineMs) ? this.baselineMs : tookMs;
  }

  /** Takes note of an answer while hardly anything waits. */
  probe(tookMs: number): void {
    this.probed.samples += 1;
    this.probed.tookMs += tookMs;
  }

  /** Ends the probe: believes what was seen often enough, and what was not, changed as everything did. */
  relearn(change: number): void {
    const { samples, tookMs } = this.probed;
    if (samples >= ENOUGH) this.baselineMs = tookMs / samples;
    else this.baselineMs *= change;
    this.recentMs = Math.max(this.recentMs, this.baselineMs);
    this.probed = { samples: 0, tookMs: 0 };
  }
}

/** What happened since the limit was last thought about. */
interface Window {
  readonly endsAt: number;
  samples: number;
  /** What the answers took, and what they would have taken had nothing waited, in ms. */
  tookMs: number;
  baselineMs: number;
  mostInFlight: number;
}

/** A moment at the least limit. */
interface Probe {
  readonly endsAt: number;
  samples: number;
  tookMs: number;
  baselineMs: number;
}

/** Answers until the mean of a kind is believed, and its memory after that. */
const MEMORY = 20;
/** One window takes no more than this share of the limit away. */
const DEEPEST_CUT = 0.5;
/** A probe comes after so many windows in a row in which the limit was used: one crowd is no load. Then it is repeated. */
const WINDOWS_BEFORE_PROBE = 5;
const PROBE_EVERY_MS = 30_000;
/** It ends after so many answers, or without a result after this time. */
const PROBE_SAMPLES = 30;
const LONGEST_PROBE_MS = 1_000;
/** Answers of one kind that a probe needs to say something about it. */
const ENOUGH = 5;

/**
 * How many requests may be in hand at a time, learnt from how long they take. While answers take up to `tolerance` times what they
 * take when nothing waits, and the limit is used, it grows; when they take longer it shrinks in proportion. So what cannot be done
 * in time waits nowhere: it is refused at once. After Gradient and Gradient2 of Netflix’ concurrency-limits, with a baseline per kind
 * that is the least seen instead of a long mean, which creeps up under a load that stays and takes the limit with it. Under such a
 * load the limit falls to its least for a moment now and then, to see what answers take when nothing waits: it may have been learnt
 * while much did, and the world may have become slower for good.
 */
export class AdaptiveLimit {
  private readonly min: number;
  private readonly max: number;
  private readonly tolerance: number;
  private readonly floorMs: number;
  private readonly windowMs: number;
  private readonly windowSamples: number;
  private readonly now: () => number;
  private readonly kinds = new Map<string, Kind>();
  private exact: number;
  private window: Window;
  private probe: Probe | undefined;
  private usedWindows = 0;
  private nextProbeAt = 0;

  constructor(options: AdaptiveLimitOptions) {
    this.min = options.min;
    this.max = Math.max(options.min, options.max);
    this.tolerance = options.tolerance ?? 2.5;
    this.floorMs = options.floorMs ?? 10;
    this.windowMs = options.windowMs ?? 200;
    this.windowSamples = options.windowSamples ?? 10;
    this.now = options.now ?? (() => performance.now());
    this.exact = Math.min(this.max, Math.max(this.min, options.initial ?? 100));
    this.window = this.opened();
  }

  /** Requests that may be in hand now; a whole number. */
  get limit(): number {
    if (this.probe !== undefined && this.now() < this.probe.endsAt) return this.min;
    return Math.floor(this.exact);
  }

  /** Takes note of an answer: its kind (there must be few), what it took, and how many were in hand when it began, itself among them. */
  observe(kind: string, tookMs: number, inFlight: number): void {
    if (this.probe !== undefined) this.look(this.probe, kind, tookMs, inFlight);
    else this.count(kind, tookMs, inFlight);
  }

  private count(kind: string, tookMs: number, inFlight: number): void {
    const { window } = this;
    window.samples += 1;
    window.tookMs += tookMs;
    window.baselineMs += Math.max(this.floorMs, this.kindOf(kind).learn(tookMs));
    window.mostInFlight = Math.max(window.mostInFlight, inFlight);
    if (window.samples < this.windowSamples || this.now() < window.endsAt) return;
    this.adapt(window);
    this.window = this.opened();
  }

  private adapt({ tookMs, baselineMs, mostInFlight }: Window): void {
    // Answers that are slow although few are in hand are not slow because of how many there are, nor do fast ones tell of more.
    this.usedWindows = mostInFlight < this.exact / 2 ? 0 : this.usedWindows + 1;
    if (this.usedWindows === 0) return;
    const allowed = (this.tolerance * baselineMs) / tookMs;
    const next = allowed < 1 ? this.exact * Math.max(DEEPEST_CUT, allowed) : this.exact + Math.sqrt(this.exact) / 2;
    this.exact = Math.min(this.max, Math.max(this.min, next));
    const now = this.now();
    if (this.usedWindows < WINDOWS_BEFORE_PROBE || now < this.nextProbeAt) return;
    this.nextProbeAt = now + PROBE_EVERY_MS;
    this.probe = { endsAt: now + LONGEST_PROBE_MS, samples: 0, tookMs: 0, baselineMs: 0 };
  }

  private look(probe: Probe, name: string, tookMs: number, inFlight: number): void {
    const isOver = this.now() >= probe.endsAt;
    // What began before the probe, or behind that, has waited.
    if (inFlight <= this.min && !isOver) {
      const kind = this.kindOf(name);
      kind.probe(tookMs);
      probe.samples += 1;
      probe.tookMs += tookMs;
      probe.baselineMs += kind.learn(tookMs);
    }
    if (probe.samples < PROBE_SAMPLES && !isOver) return;
    const change = probe.samples < ENOUGH ? 1 : probe.tookMs / probe.baselineMs;
    for (const kind of this.kinds.values()) kind.relearn(change);
    this.probe = undefined;
    this.window = this.opened();
  }

  private kindOf(name: string): Kind {
    const known = this.kinds.get(name);
    if (known !== undefined) return known;
    const kind = new Kind();
    this.kinds.set(name, kind);
    return kind;
  }

  private opened(): Window {
    return { endsAt: this.now() + this.windowMs, samples: 0, tookMs: 0, baselineMs: 0, mostInFlight: 0 };
  }
}
