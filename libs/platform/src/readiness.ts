import { Injectable } from '@nestjs/common';

type State = 'starting' | 'ready' | 'draining';

/** Whether this process accepts work: red while it starts and from the beginning of its shutdown. */
@Injectable()
export class Readiness {
  private state: State = 'ready';
  private readonly stopping = new AbortController();

  /** Aborted when the process begins to drain: end long-lived responses (live streams) then, so that they do not delay it. */
  get signal(): AbortSignal {
    return this.stopping.signal;
  }

  get isReady(): boolean {
    return this.state === 'ready';
  }

  get isDraining(): boolean {
    return this.state === 'draining';
  }

  /** Red until `started`. */
  starting(): void {
    if (this.state === 'ready') {
      this.state = 'starting';
    }
  }

  started(): void {
    if (this.state === 'starting') {
      this.state = 'ready';
    }
  }

  /** Red for good: this process takes no new work. */
  drain(): void {
    this.state = 'draining';
    this.stopping.abort();
  }
}
