/** Settings of an `AdaptiveLimit`; the defaults suit an edge with latencies of milliseconds. */
export interface AdaptiveLimitOptions {
  /** Lower bound of the limit, however slow responses are. */
  readonly min: number;
  /** Upper bound of the limit. */
  readonly max: number;
  /**
   * First limit, clamped to the bounds.
   * @default 100
   */
  readonly initial?: number;
  /**
   * Accepted latency as a multiple of the baseline, which is the latency without queueing.
   * @default 2.5
   */
  readonly tolerance?: number;
  /**
   * Lower bound of the baseline, milliseconds.
   * @default 10
   */
  readonly floorMs?: number;
  /**
   * The limit changes once per window, milliseconds.
   * @default 200
   */
  readonly windowMs?: number;
  /**
   * Fewest responses in a window; it is extended until then.
   * @default 10
   */
  readonly windowSamples?: number;
  /**
   * Monotonic time, milliseconds.
   * @default performance.now
   */
  readonly now?: () => number;
}

/** Responses of one kind: a page of products and an order have different baselines. */
class Kind {
  private samples = 0;
  private recentMs = 0;
  private baselineMs = Infinity;
  private probed = { samples: 0, tookMs: 0 };

  /** Records a latency and returns the baseline, which for the first responses is their own latency. */
  record(tookMs: number): number {
    this.samples += 1;
    this.recentMs += (tookMs - this.recentMs) / Math.min(this.samples, MEMORY);
    if (this.samples >= MEMORY) {
      this.baselineMs = Math.min(this.baselineMs, this.recentMs);
    }
    return Number.isFinite(this.baselineMs) ? this.baselineMs : tookMs;
  }

  /** Records a latency while almost nothing is queued. */
  probe(tookMs: number): void {
    this.probed.samples += 1;
    this.probed.tookMs += tookMs;
  }

  /** Ends the probe: adopts its mean if there are enough samples; otherwise scales the baseline as the others changed. */
  adopt(change: number): void {
    const { samples, tookMs } = this.probed;
    if (samples >= ENOUGH) {
      this.baselineMs = tookMs / samples;
    } else {
      this.baselineMs *= change;
    }
    this.recentMs = Math.max(this.recentMs, this.baselineMs);
    this.probed = { samples: 0, tookMs: 0 };
  }
}

/** Samples since the last adjustment of the limit. */
interface Window {
  readonly endsAt: number;
  samples: number;
  /** Sum of the latencies, and of their baselines, milliseconds. */
  tookMs: number;
  baselineMs: number;
  mostInFlight: number;
}

/** A short time at the lowest limit. */
interface Probe {
  readonly endsAt: number;
  samples: number;
  tookMs: number;
  baselineMs: number;
}

/** Responses until the mean of a kind is used; also the length of its moving average. */
const MEMORY = 20;
/** Largest share by which one window cuts the limit. */
const DEEPEST_CUT = 0.5;
/** A probe starts after so many consecutive windows that used the limit: a single burst is not a lasting load. */
const WINDOWS_BEFORE_PROBE = 5;
const PROBE_EVERY_MS = 30_000;
/** A probe ends after so many responses, or without a result after this time. */
const PROBE_SAMPLES = 30;
const LONGEST_PROBE_MS = 1_000;
/** Fewest responses of one kind from which a probe derives its baseline. */
const ENOUGH = 5;

/**
 * A concurrency limit derived from latencies. It grows while it is used and latencies stay within `tolerance` times their baseline;
 * when they are longer it shrinks in proportion. So a request that cannot be answered in time is rejected instead of queued.
 *
 * The algorithm follows Gradient and Gradient2 of Netflix’ concurrency-limits. The baseline here is the minimum per kind instead of a
 * long mean, which rises under a lasting load and raises the limit with it. Under such a load the limit falls to its minimum for a
 * moment now and then, to measure latencies without queueing: the baseline may have been measured under load, and the service may
 * have become slower for good.
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

  /** Requests that may be in flight now; an integer. */
  get limit(): number {
    if (this.probe !== undefined && this.now() < this.probe.endsAt) {
      return this.min;
    }
    return Math.floor(this.exact);
  }

  /** Records a response: its kind (there must be few), its latency, and the requests in flight when it started, including itself. */
  observe(kind: string, tookMs: number, inFlight: number): void {
    if (this.probe !== undefined) {
      this.sample(this.probe, kind, tookMs, inFlight);
    } else {
      this.count(kind, tookMs, inFlight);
    }
  }

  private count(kind: string, tookMs: number, inFlight: number): void {
    const { window } = this;
    window.samples += 1;
    window.tookMs += tookMs;
    window.baselineMs += Math.max(this.floorMs, this.kindOf(kind).record(tookMs));
    window.mostInFlight = Math.max(window.mostInFlight, inFlight);
    if (window.samples < this.windowSamples || this.now() < window.endsAt) {
      return;
    }
    this.adapt(window);
    this.window = this.opened();
  }

  private adapt({ tookMs, baselineMs, mostInFlight }: Window): void {
    // With few requests in flight, slow responses are not caused by concurrency, and fast ones say nothing about more of it.
    this.usedWindows = mostInFlight < this.exact / 2 ? 0 : this.usedWindows + 1;
    if (this.usedWindows === 0) {
      return;
    }
    const allowed = (this.tolerance * baselineMs) / tookMs;
    const next = allowed < 1 ? this.exact * Math.max(DEEPEST_CUT, allowed) : this.exact + Math.sqrt(this.exact) / 2;
    this.exact = Math.min(this.max, Math.max(this.min, next));
    const now = this.now();
    if (this.usedWindows < WINDOWS_BEFORE_PROBE || now < this.nextProbeAt) {
      return;
    }
    this.nextProbeAt = now + PROBE_EVERY_MS;
    this.probe = { endsAt: now + LONGEST_PROBE_MS, samples: 0, tookMs: 0, baselineMs: 0 };
  }

  private sample(probe: Probe, name: string, tookMs: number, inFlight: number): void {
    const isOver = this.now() >= probe.endsAt;
    // A request that started before the probe, or behind such requests, was queued.
    if (inFlight <= this.min && !isOver) {
      const kind = this.kindOf(name);
      kind.probe(tookMs);
      probe.samples += 1;
      probe.tookMs += tookMs;
      probe.baselineMs += kind.record(tookMs);
    }
    if (probe.samples < PROBE_SAMPLES && !isOver) {
      return;
    }
    const change = probe.samples < ENOUGH ? 1 : probe.tookMs / probe.baselineMs;
    for (const kind of this.kinds.values()) {
      kind.adopt(change);
    }
    this.probe = undefined;
    this.window = this.opened();
  }

  private kindOf(name: string): Kind {
    const known = this.kinds.get(name);
    if (known !== undefined) {
      return known;
    }
    const kind = new Kind();
    this.kinds.set(name, kind);
    return kind;
  }

  private opened(): Window {
    return { endsAt: this.now() + this.windowMs, samples: 0, tookMs: 0, baselineMs: 0, mostInFlight: 0 };
  }
}
