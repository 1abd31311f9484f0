import { setTimeout as pause } from 'node:timers/promises';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { logger } from '@rookery/platform';

/** A periodic task. */
export interface Task {
  readonly name: string;
  readonly pauseMs: number;
  /** Delay of the first turn. @default none */
  readonly firstAfterMs?: number;
  /** One turn. It ends early when the signal announces the shutdown, and leaves the rest to the next process. */
  run(stopping: AbortSignal): Promise<void>;
}

/**
 * Runs each task with its pause in between, never twice at a time, from the start of the process until its shutdown,
 * which waits for the running turns. After a failed turn the next one runs as planned: an outage of the database ends
 * by itself. Only the first of a series of failures is logged.
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
        if (failures === 0) logger.error({ err: error, task: task.name }, 'a scheduled task fails, retrying');
        failures += 1;
      }
      await this.pauseFor(task.pauseMs);
    }
  }

  private async pauseFor(ms: number): Promise<void> {
    try {
      await pause(ms, undefined, { signal: this.stopping.signal });
    } catch {
      // Only the shutdown ends a pause early.
    }
  }
}
