import { setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DEFAULT_HANDOVER_MS, type ServiceConfig } from '../config/settings';
import { ContractPipe } from '../contract.pipe';
import { AcceptGuard } from '../http/accept.guard';
import { createHttpAdapter, type HttpLimits } from '../http/http-adapter';
import { observeRequests } from '../http/http-context';
import { KnownRoutes } from '../http/known-routes';
import { configureLogger, logger } from '../logging/logger';
import { NestLogger } from '../logging/nest-logger';
import { Metrics } from '../metrics/metrics';
import { Readiness } from '../readiness';
import { ProblemFilter } from './problem.filter';
import { explainOldNode, explainStartFailure } from './start-failure';

/** The parts of a process. */
export interface ServiceOptions {
  /** Name of the process in every log line. */
  readonly name: string;
  /** Root module; it must import `HealthModule`. */
  readonly module: Parameters<typeof NestFactory.create>[0];
  readonly config: ServiceConfig;
  /** Last changes before the process listens: Swagger UI, CORS, further body parsers. */
  readonly configure?: (app: NestFastifyApplication) => void | Promise<void>;
  /** Transports besides HTTP: the RPC server and the event consumers. They inherit all global guards, pipes and filters. */
  readonly microservices?: (app: NestFastifyApplication) => readonly CustomTransportStrategy[];
  readonly http?: HttpLimits;
}

const IDLE_SWEEP_MS = 100;

/**
 * Builds the application of `runService` without listening and without touching the process; component tests use it too.
 * Close it with `app.close()`.
 */
export async function createService(options: ServiceOptions): Promise<NestFastifyApplication> {
  const adapter = createHttpAdapter(options.http);
  const fastify = adapter.getInstance();
  const routes = new KnownRoutes();
  const parts: { readiness?: Readiness; metrics?: Metrics } = {};
  // Before Nest adds its own: the context surrounds everything, middleware too.
  routes.watch(fastify);
  observeRequests(fastify, {
    requestTimeoutMs: options.http?.requestTimeoutMs,
    isDraining: () => parts.readiness?.isDraining === true,
    onAnswered: (labels, seconds) => parts.metrics?.httpServer.observe(labels, seconds),
  });
  const nest = { bodyParser: false, abortOnError: false, logger: new NestLogger() };
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- Nest types options by a class it does not export
  const app = await NestFactory.create<NestFastifyApplication>(options.module, adapter, nest);
  parts.readiness = app.get(Readiness);
  const metrics = app.get(Metrics);
  parts.metrics = metrics;
  // Nest adds its routes when it starts.
  fastify.addHook('onRoute', ({ url, method }) => {
    for (const name of [method].flat()) {
      metrics.httpServer.expect({ method: name, route: url });
    }
  });
  app.useGlobalGuards(new AcceptGuard());
  app.useGlobalPipes(new ContractPipe());
  app.useGlobalFilters(new ProblemFilter(routes));
  for (const strategy of options.microservices?.(app) ?? []) {
    app.connectMicroservice({ strategy }, { inheritAppConfig: true });
  }
  await options.configure?.(app);
  return app;
}

/**
 * Runs a process from start to end. It listens and logs `ready`. On SIGTERM or SIGINT readiness turns red and responses carry `connection:
 * close` for SHUTDOWN_HANDOVER_MS; then it accepts no new connections and messages, finishes work in progress, closes connections and pools
 * and exits with 0. It exits with 1 when finishing takes longer than SHUTDOWN_GRACE_SECONDS, on a second signal, and when the start fails
 * (one line names the variable to correct).
 */
export async function runService(options: ServiceOptions): Promise<void> {
  const { name, config } = options;
  const startedAt = performance.now();
  configureLogger(name, config.LOG_LEVEL);
  const oldNode = explainOldNode(name, process.versions.node);
  if (oldNode !== undefined) {
    process.stderr.write(`${oldNode}\n`);
    process.exit(1);
  }
  try {
    const app = await createService(options);
    const readiness = app.get(Readiness);
    readiness.starting();
    // The port first: a port conflict must show before any message is consumed.
    await app.listen({
      port: config.PORT,
      host: config.HOST,
      ...(config.SHARE_PORT === true ? { reusePort: true } : {}),
    });
    await app.startAllMicroservices();
    readiness.started();
    stopOnSignal(app, config);
    logger.info({ address: await app.getUrl(), startMs: Math.round(performance.now() - startedAt) }, 'ready');
    // For a parent process with an IPC channel: on a shared port only this tells that this process is listening too.
    process.send?.('ready');
  } catch (error) {
    logger.fatal({ err: error }, 'start failed');
    process.stderr.write(`${explainStartFailure(name, error, config)}\n`);
    process.exit(1);
  }
}

/**
 * Turns readiness red, hands over, finishes and closes; resolves when everything is closed. During the handover the load balancer stops
 * sending, and clients with a kept-alive connection learn by `connection: close` to reconnect elsewhere;
 * connections that stay idle are then closed safely.
 */
export async function shutDown(app: NestFastifyApplication, handoverMs = DEFAULT_HANDOVER_MS): Promise<void> {
  app.get(Readiness).drain();
  await sleep(handoverMs);
  // Node keeps connections that become idle after closing began, for up to a minute.
  const sweep = setInterval(() => app.getHttpServer().closeIdleConnections(), IDLE_SWEEP_MS);
  try {
    await app.close();
  } finally {
    clearInterval(sweep);
  }
}

function stopOnSignal(app: NestFastifyApplication, config: ServiceConfig): void {
  let stopping = false;
  const stop = (reason: string, exitCode: number): void => {
    if (stopping) {
      logger.warn({ reason }, 'second signal: stopping at once');
      process.exit(1);
    }
    stopping = true;
    logger.info({ reason }, 'shutting down');
    const { SHUTDOWN_GRACE_SECONDS: graceSeconds, SHUTDOWN_HANDOVER_MS: handoverMs = DEFAULT_HANDOVER_MS } = config;
    setTimeout(
      () => {
        logger.error({ graceSeconds }, 'shutdown took too long');
        process.exit(1);
      },
      handoverMs + graceSeconds * 1000,
    ).unref();
    shutDown(app, handoverMs).then(
      () => {
        logger.info('stopped');
        process.exit(exitCode);
      },
      (error: unknown) => {
        logger.error({ err: error }, 'shutdown failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => stop('SIGTERM', 0));
  process.on('SIGINT', () => stop('SIGINT', 0));
  // The state of the process is unknown after these: finish work in progress and restart.
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'uncaught exception');
    stop('uncaughtException', 1);
  });
  process.on('unhandledRejection', (error) => {
    logger.fatal({ err: error }, 'unhandled rejection');
    stop('unhandledRejection', 1);
  });
}
