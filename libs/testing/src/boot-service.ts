import { configureLogger, createService, shutDown, type ServiceOptions } from '@rookery/platform';

/** A whole service in the spec's own process. */
export interface BootedService {
  readonly app: Awaited<ReturnType<typeof createService>>;
  /** Of its HTTP port, which is a free one. */
  readonly url: string;
  /** Stops it as SIGTERM would. */
  stop(): Promise<void>;
}

/**
 * Starts a service as `runService` does, in this process: same pipes, guards and filters, HTTP on a free port, the given
 * transports. Logs from level `error` on. Stop it before its broker and database are closed.
 */
export async function bootService(options: ServiceOptions): Promise<BootedService> {
  configureLogger(options.name, 'error');
  const app = await createService(options);
  await app.listen({ port: 0, host: '127.0.0.1' });
  await app.startAllMicroservices();
  return { app, url: await app.getUrl(), stop: () => shutDown(app) };
}
