import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { IdempotencyStore, Inbox } from '@rookery/persistence';
import { logger } from '@rookery/platform';
import { SigningKeys } from '../keys/signing-keys';
import { NotificationRepository } from '../notification/notification.repository';
import { SignInThrottle } from '../sign-in/sign-in-throttle';

const EVERY_MS = 60_000;
/** Events and responses that one run removes at most; more than arrive between two runs. */
const MAX_ROWS = 10_000;

/** Removes expired rows. It need not be punctual: lookups ignore expired rows. */
@Injectable()
export class Maintenance implements OnModuleInit, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly dataSource: DataSource,
    private readonly signingKeys: SigningKeys,
    private readonly throttle: SignInThrottle,
    private readonly notifications: NotificationRepository, // part:mails
    private readonly inbox: Inbox,
    private readonly requests: IdempotencyStore,
  ) {}

  onModuleInit(): void {
    this.timer = setInterval(() => {
      this.run().catch((error: unknown) => logger.warn({ err: error }, 'could not remove expired rows'));
    }, EVERY_MS);
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  async run(): Promise<void> {
    await this.dataSource.query('DELETE FROM oidc_payload WHERE expires_at < now()');
    await this.throttle.deleteExpired();
    await this.signingKeys.dropExpired();
    await this.notifications.deleteExpired(); // part:mails
    await this.inbox.deleteExpired(MAX_ROWS);
    await this.requests.deleteExpired(MAX_ROWS);
  }
}
