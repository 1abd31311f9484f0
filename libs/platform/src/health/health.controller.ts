import { Controller, Get, Header, HttpStatus, Inject, Res } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import { Produces } from '../http/accept.guard';
import { Public } from '../http/public';
import { logger } from '../logging/logger';
import { Metrics } from '../metrics/metrics';
import { Readiness } from '../readiness';
import { type HealthCheck, HealthChecks } from './health-check';

/** Longest time one check may take. */
const CHECK_TIMEOUT_MS = 2000;

/** Paths of every process for orchestrators and monitoring: `HealthController` answers them. */
export const OPERATIONAL_PATHS = ['/livez', '/readyz', '/health', '/metrics'] as const;

type UpOrDown = 'up' | 'down';

/** What a health route answers: no addresses, no messages. */
interface HealthView {
  readonly status: 'ok' | 'error' | 'starting' | 'draining';
  readonly checks: Readonly<Record<string, UpOrDown>>;
}

/** Probes and metrics. Open to everyone who reaches the port: they hold nothing confidential. */
@Public()
@Produces('application/json', 'text/plain')
@Controller()
export class HealthController {
  /** Checks that were down last time: each transition is logged once. */
  private readonly down = new Set<string>();

  constructor(
    @Inject(HealthIndicatorService) private readonly indicators: HealthIndicatorService,
    @Inject(HealthChecks) private readonly checks: HealthChecks,
    @Inject(Readiness) private readonly readiness: Readiness,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  /** The process runs. Checks nothing outside it: a restart would repair nothing there. */
  @Get('livez')
  @Header('cache-control', 'no-store')
  livez(): HealthView {
    return { status: 'ok', checks: {} };
  }

  /** The process can serve: all checks pass, and it is neither starting nor stopping. */
  @Get(['readyz', 'health'])
  @Header('cache-control', 'no-store')
  async readyz(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthView> {
    const results = await Promise.all(this.checks.all().map((check) => this.attempt(check)));
    const checks = Object.fromEntries(results);
    const status = this.statusOf(results.every(([, state]) => state === 'up'));
    void reply.code(status === 'ok' ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE);
    return { status, checks };
  }

  @Get('metrics')
  async exposition(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    void reply.header('content-type', this.metrics.registry.contentType);
    return this.metrics.registry.metrics();
  }

  private statusOf(allUp: boolean): HealthView['status'] {
    if (this.readiness.isDraining) {
      return 'draining';
    }
    if (!this.readiness.isReady) {
      return 'starting';
    }
    return allUp ? 'ok' : 'error';
  }

  private async attempt(check: HealthCheck): Promise<readonly [string, UpOrDown]> {
    const session = this.indicators.check(check.name);
    let reason: unknown = new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`);
    const attempt = async (): Promise<void> => {
      try {
        await check.check();
      } catch (error) {
        reason = error;
        throw error;
      }
    };
    const result = await session.attempt(attempt).withTimeout(CHECK_TIMEOUT_MS);
    const state = result[check.name]?.status === 'up' ? 'up' : 'down';
    this.logChange(check.name, state, reason);
    return [check.name, state];
  }

  private logChange(check: string, state: UpOrDown, reason: unknown): void {
    if (state === 'up') {
      if (this.down.delete(check)) {
        logger.info({ check }, 'readiness check passes again');
      }
      return;
    }
    if (this.down.has(check)) {
      return;
    }
    this.down.add(check);
    logger.warn({ check, err: reason }, 'readiness check failed');
  }
}
