import { logger } from '../logging/logger';
import type { Metrics } from '../metrics/metrics';
import type { HealthCheck } from './health-check';

/** A process whose clock is off by this many seconds is not ready. */
export const UNREADY_CLOCK_SKEW_SECONDS = 5;
/** A slower reading is too imprecise. Half of this is the largest error of a measurement. */
const LONGEST_TRIP_MS = 1_000;
/** A request within this time gets the last measurement: probes and scrapes must not become load for others. */
const MEASURED_EVERY_MS = 2_000;

/**
 * Seconds by which this process's wall clock is ahead of another (behind: negative), from one reading in milliseconds since the epoch, which
 * is taken for the middle of the round trip. Undefined when there was no reading, or it took longer than a second.
 */
export async function secondsAheadOf(read: () => Promise<number>): Promise<number | undefined> {
  const wallMs = Date.now();
  const startedAt = performance.now();
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), LONGEST_TRIP_MS);
  try {
    const theirsMs = await Promise.race([read(), late.promise]);
    return theirsMs === undefined || !Number.isFinite(theirsMs)
      ? undefined
      : (wallMs + (performance.now() - startedAt) / 2 - theirsMs) / 1_000;
  } catch {
    // A missing answer is the concern of another check.
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Readiness check `clock` and gauge `clock_skew_seconds`: how far this process's wall clock is from those that it works with. Measured on
 * request, at most every two seconds; while it cannot be measured, the last measurement counts.
 */
export class ClockSkew implements HealthCheck {
  readonly name = 'clock';
  private seconds: number | undefined;
  private measuring: Promise<void> | undefined;
  private measuredAt = -Infinity;

  /** `measure` answers as `secondsAheadOf` does; `against` says in words whose clock this one is compared with. */
  constructor(
    private readonly measure: () => Promise<number | undefined>,
    private readonly against: string,
    metrics: Metrics,
  ) {
    metrics.gauge(
      'clock_skew_seconds',
      `Seconds that the clock of this process is ahead of ${against}, negative when behind`,
      async () => {
        await this.refresh();
        return this.seconds;
      },
    );
  }

  /** @throws {Error} when the clock is off by five seconds or more */
  async check(): Promise<void> {
    await this.refresh();
    const { seconds } = this;
    if (seconds === undefined || Math.abs(seconds) < UNREADY_CLOCK_SKEW_SECONDS) {
      return;
    }
    const how = `${Math.abs(seconds).toFixed(1)} s ${seconds > 0 ? 'ahead of' : 'behind'}`;
    throw new Error(`the clock of this process is ${how} ${this.against}: is time synchronised on this machine?`);
  }

  private async refresh(): Promise<void> {
    if (performance.now() - this.measuredAt < MEASURED_EVERY_MS) {
      return;
    }
    this.measuring ??= this.measureOnce().finally(() => (this.measuring = undefined));
    await this.measuring;
  }

  private async measureOnce(): Promise<void> {
    try {
      this.seconds = (await this.measure()) ?? this.seconds;
    } catch (error) {
      logger.warn({ err: error }, 'the clock could not be compared');
    }
    this.measuredAt = performance.now();
  }
}
