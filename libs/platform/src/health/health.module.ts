import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { PlatformModule } from '../platform.module';
import { HealthController } from './health.controller';

/** `/livez`, `/readyz`, `/health` and `/metrics`, and with them `PlatformModule`. Modules add their checks to `HealthChecks`. */
@Module({ imports: [PlatformModule, TerminusModule.forRoot({ logger: false })], controllers: [HealthController] })
export class HealthModule {}
