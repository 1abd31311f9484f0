import { Injectable } from '@nestjs/common';

/** One thing a process needs in order to serve. */
export interface HealthCheck {
  /** Public: a plain word such as `database`, no address. */
  readonly name: string;
  /** Resolves when it is healthy and throws otherwise. Times out after two seconds. */
  check(): Promise<void>;
}

/** The checks of this process. Modules that own a connection add theirs; the name counts once. */
@Injectable()
export class HealthChecks {
  private readonly checks = new Map<string, HealthCheck>();

  add(check: HealthCheck): void {
    this.checks.set(check.name, check);
  }

  all(): readonly HealthCheck[] {
    return [...this.checks.values()];
  }
}
