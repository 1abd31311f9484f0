import { type FactoryProvider, Global, type InjectionToken, Module, type ModuleMetadata } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { z } from 'zod';
import { loadConfig, type SettingsSchema } from '../config/load-config';
import type { ServiceConfig } from '../config/settings';
import { HealthModule } from '../health/health.module';
import type { HttpLimits } from '../http/http-adapter';
import { runService, type ServiceOptions } from './run-service';

/** Injection token of the process's settings, as `fromConfig` reads them. */
const SERVICE_CONFIG = Symbol('rookery.platform.service-config');

/** A service: its name, its settings and its modules. */
export interface ServiceDefinition<Schema extends SettingsSchema & z.ZodType<ServiceConfig>> extends Pick<
  ServiceOptions,
  'microservices'
> {
  readonly name: string;
  /** Settings of the process. */
  readonly config: Schema;
  /** The infrastructure, made from the settings, and one module per capability. `HealthModule` is always added. */
  readonly modules: (config: z.output<Schema>) => NonNullable<ModuleMetadata['imports']>;
  readonly http?: (config: z.output<Schema>) => HttpLimits;
  /** Last changes before the process listens, see `ServiceOptions`. */
  readonly configure?: (app: NestFastifyApplication, config: z.output<Schema>) => void;
}

export interface DefinedService<Config> {
  /** The options of `createService`, for component tests. */
  readonly options: (config: Config) => ServiceOptions;
  /** Reads the settings from the environment and runs the process, see `runService`. */
  readonly run: () => Promise<void>;
}

/**
 * Defines a service.
 *
 * @example
 * export const payments = defineService({
 *   name: 'payments',
 *   config: PaymentsConfig,
 *   modules: (config) => [MessagingModule.forRoot(natsOptions('payments', config)), PaymentModule],
 *   microservices: requestsAndEvents,
 * });
 * // main.ts
 * await payments.run();
 */
export function defineService<Schema extends SettingsSchema & z.ZodType<ServiceConfig>>({
  name,
  config: schema,
  modules,
  http,
  configure,
  microservices,
}: ServiceDefinition<Schema>): DefinedService<z.output<Schema>> {
  const options = (config: z.output<Schema>): ServiceOptions => ({
    name,
    config,
    module: { module: ServiceModule, imports: [HealthModule, configModule(config), ...modules(config)] },
    ...(http && { http: http(config) }),
    ...(configure && { configure: (app: NestFastifyApplication) => configure(app, config) }),
    ...(microservices && { microservices }),
  });
  return { options, run: () => runService(options(loadConfig(schema, { name }))) };
}

/** A provider made from the process's settings and further providers. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- inferred from the parameter of `make`; Nest's factories take any arguments
export const fromConfig = <Config, Injected extends readonly unknown[] = []>(
  provide: InjectionToken,
  make: (config: Config, ...injected: Injected) => unknown,
  inject: { readonly [Index in keyof Injected]: InjectionToken } | [] = [],
): FactoryProvider => ({ provide, inject: [SERVICE_CONFIG, ...inject], useFactory: make });

@Module({})
class ServiceModule {}

@Global()
@Module({})
class ConfigModule {}

const configModule = (config: unknown) => ({
  module: ConfigModule,
  providers: [{ provide: SERVICE_CONFIG, useValue: config }],
  exports: [SERVICE_CONFIG],
});
