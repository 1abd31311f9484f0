import { Module, type DynamicModule, type ModuleMetadata, type Type } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { PlatformModule } from '../platform.module';
import { HealthChecks, type HealthCheck } from './health-check';
import { HealthController } from './health.controller';

/** Given to the module to register: a check, or the class of an injectable one. */
export interface HealthOptions {
  readonly checks?: readonly (HealthCheck | Type<HealthCheck>)[];
  /** Modules that provide the injectable ones, unless they are global. */
  readonly imports?: ModuleMetadata['imports'];
}

const REGISTERED = Symbol('registered health checks');

/** `/livez`, `/readyz`, `/health` and `/metrics`, and with them `PlatformModule`. Once per process. */
@Module({})
export class HealthModule {
  static register({ checks = [], imports = [] }: HealthOptions = {}): DynamicModule {
    const classes = checks.filter((check) => typeof check === 'function');
    const instances = checks.filter((check) => typeof check !== 'function');
    return {
      module: HealthModule,
      imports: [PlatformModule, TerminusModule.forRoot({ logger: false }), ...imports],
      controllers: [HealthController],
      providers: [
        {
          provide: REGISTERED,
          inject: [HealthChecks, ...classes],
          useFactory: (registry: HealthChecks, ...injected: HealthCheck[]) => {
            for (const check of [...instances, ...injected]) registry.add(check);
            return registry;
          },
        },
      ],
    };
  }
}
