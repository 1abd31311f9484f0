import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { logger, PollingWorker } from '@rookery/platform';

/** A periodic task. */
export interface Task {
  readonly name: string;
  readonly pauseMs: number;
  /**
   * Delay before the first turn, in ms.
   * @default 0
   */
  readonly firstAfterMs?: number;
  /** One turn. When the signal aborts it ends early and leaves the rest to the next process. */
  run(stopping: AbortSignal): Promise<void>;
}

/**
 * Runs each task with a pause between two turns, never two turns at a time, from the start of the process until its shutdown, which waits
 * for the running turns. A failed turn does not change the pace, because an outage of the database ends by itself. Of consecutive failures the
 * first is logged.
 */
export class Schedule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly workers: readonly PollingWorker[];

  constructor(tasks: readonly Task[]) {
    this.workers = tasks.map(
      (task) =>
        new PollingWorker({
          turn: (stopping) => task.run(stopping),
          pollMs: task.pauseMs,
          ...(task.firstAfterMs !== undefined && { firstAfterMs: task.firstAfterMs }),
          failed: (error) => logger.error({ err: error, task: task.name }, 'a scheduled task fails, retrying'),
          recovered: (failures) => logger.info({ task: task.name, failures }, 'a scheduled task works again'),
        }),
    );
  }

  onApplicationBootstrap(): void {
    for (const worker of this.workers) {
      worker.start();
    }
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stop()));
  }
}
