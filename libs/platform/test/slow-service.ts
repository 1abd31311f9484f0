import 'reflect-metadata';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, Module, type OnApplicationShutdown, Req } from '@nestjs/common';
import { z } from 'zod';
import { portSetting } from '../src/config/settings';
import { HealthModule, loadConfig, logger, LogLevels, noteForLog, runService } from '../src/index';

/** A whole process for the specs of `runService`. */
const Config = z.object({
  LOG_LEVEL: z.enum(LogLevels).default('info'),
  HOST: z.string().default('127.0.0.1'),
  PORT: portSetting(0),
  SHARE_PORT: z.stringbool().default(false),
  SHUTDOWN_GRACE_SECONDS: z.coerce.number().default(5),
  WORK_MS: z.coerce.number().default(800),
});
const config = loadConfig(Config, { name: 'slow' });

@Controller()
class SlowController implements OnApplicationShutdown {
  @Get('slow')
  async slow() {
    logger.info('work began');
    await sleep(config.WORK_MS);
    return { done: true };
  }

  @Get('noted')
  noted(@Req() request: { readonly raw: IncomingMessage }) {
    noteForLog(request.raw, { upstream: 'legacy' });
    return { done: true };
  }

  onApplicationShutdown(): void {
    logger.info('pools closed');
  }
}

@Module({ imports: [HealthModule], controllers: [SlowController] })
class SlowModule {}

await runService({ name: 'slow', module: SlowModule, config });
