import { setTimeout as pause } from 'node:timers/promises';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { logger } from '@rookery/platform';

/** Something that is done again and again. */
export interface Task {
  readonly name: string;
  readonly pauseMs: number;
  /** Before the first turn; none unless given. */
  readonly firstAfterMs?: number;
  /** One turn. Ends early, with the rest left for the next process, when the signal says that this one stops. */
  run(stopping: AbortSignal): Promise<void>;
}

/**
 * Runs each task with its pause in between, never twice at a time, from the start of the process until its shutdown,
 * which waits for the turns in hand. After a failed turn the next one comes as planned: an outage of the database ends
 * by itself. Of a series of failures the first is logged.
 */
export class Schedule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stopping = new AbortController();
  private loops: readonly Promise<void>[] = [];

  constructor(private readonly tasks: readonly Task[]) {}

  onApplicationBootstrap(): void {
    this.loops = this.tasks.map((task) => this.repeat(task));
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.loops);
  }

  private async repeat(task: Task): Promise<void> {
    let failures = 0;
    if (task.firstAfterMs !== undefined) await this.pauseFor(task.firstAfterMs);
    while (!this.stopping.signal.aborted) {
      try {
        await task.run(this.stopping.signal);
        if (failures > 0) logger.info({ task: task.name, failures }, 'a scheduled task works again');
        failures = 0;
      } catch (error) {
        if (failures === 0) logger.error({ err: error, task: task.name }, 'a scheduled task fails, trying on');
        failures += 1;
      }
      await this.pauseFor(task.pauseMs);
    }
  }

  private async pauseFor(ms: number): Promise<void> {
    try {
      await pause(ms, undefined, { signal: this.stopping.signal });
    } catch {
      // Only the shutdown cuts a pause short.
    }
  }
}
