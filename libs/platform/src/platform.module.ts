import { Global, Module } from '@nestjs/common';
import { Clock, SystemClock } from './clock';
import { HealthChecks } from './health/health-check';
import { Metrics } from './metrics/metrics';
import { Readiness } from './readiness';

/** Providers for every module of a process: `Clock`, `Metrics`, `Readiness`, `HealthChecks`. Global; comes with `HealthModule`. */
@Global()
@Module({
  providers: [{ provide: Clock, useClass: SystemClock }, Metrics, Readiness, HealthChecks],
  exports: [Clock, Metrics, Readiness, HealthChecks],
})
export class PlatformModule {}
