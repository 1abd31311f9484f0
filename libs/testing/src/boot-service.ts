import { configureLogger, createService, type ServiceOptions, shutDown } from '@rookery/platform';

/** A complete service in the process of the spec. */
export interface BootedService {
  readonly app: Awaited<ReturnType<typeof createService>>;
  /** Address of its HTTP port. */
  readonly url: string;
  /** Stops it like SIGTERM. */
  stop(): Promise<void>;
}

/**
 * Starts a service like `runService`, in this process: the same pipes, guards and filters, HTTP on a free port, the given transports.
 * Logs errors only. Stop it before its broker and database are closed.
 */
export async function bootService(options: ServiceOptions): Promise<BootedService> {
  configureLogger(options.name, 'error');
  const app = await createService(options);
  await app.listen({ port: 0, host: '127.0.0.1' });
  await app.startAllMicroservices();
  return { app, url: await app.getUrl(), stop: () => shutDown(app) };
}
