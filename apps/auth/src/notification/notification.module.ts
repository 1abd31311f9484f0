import { type DynamicModule, Module, type OnApplicationBootstrap, Optional } from '@nestjs/common';
import { logger } from '@rookery/platform';
import { Mailer } from './mailer';
import { NotificationConsumer } from './notification.consumer';
import { NotificationMetrics } from './notification.metrics';
import { NotificationRepository } from './notification.repository';
import { NotificationService } from './notification.service';
import { NotificationWorker } from './notification.worker';
import type { Mailbox, SmtpServer } from './smtp-setting';

/** Mail server and sender; without either, no mail is sent. */
export interface NotificationOptions {
  readonly server: SmtpServer | undefined;
  readonly from: Mailbox | undefined;
}

/**
 * Mails to customers about their orders. Without a server there is no handler: the events are only recorded as passed.
 */
@Module({})
export class NotificationModule implements OnApplicationBootstrap {
  constructor(@Optional() private readonly mailer?: Mailer) {}

  static forRoot({ server, from }: NotificationOptions): DynamicModule {
    // Rows of an earlier configuration are still removed.
    const always = [NotificationRepository];
    if (server === undefined || from === undefined) {
      return { module: NotificationModule, providers: always, exports: always };
    }
    return {
      module: NotificationModule,
      controllers: [NotificationConsumer],
      providers: [
        ...always,
        { provide: Mailer, useFactory: () => new Mailer(server, from) },
        NotificationMetrics,
        NotificationService,
        NotificationWorker,
      ],
      exports: always,
    };
  }

  onApplicationBootstrap(): void {
    if (this.mailer === undefined) {
      logger.info('mails are disabled: SMTP_URL is not set');
    } else {
      logger.info({ server: this.mailer.address }, 'mails are enabled');
    }
  }
}
