import { Controller, Get, Module, Post } from '@nestjs/common';
import { HealthModule, Public, uuidv7 } from '@rookery/platform';
import { type BootedService, bootService, eventually, LENIENCY, type TestDatabase } from '@rookery/testing';
import { dataSourceOptions, OutboxRelay, PersistenceModule, UnitOfWork } from '../src/index';
import { CreateWallets1700000000000, Wallet, WalletRepository } from './wallet';
import { walletDatabase } from './wallet-service';

@Public()
@Controller('wallets')
class WalletController {
  constructor(
    private readonly wallets: WalletRepository,
    private readonly unitOfWork: UnitOfWork,
  ) {}

  @Get('any')
  async any(): Promise<{ found: boolean }> {
    return { found: (await this.wallets.find(uuidv7())) !== null };
  }

  @Post()
  async open(): Promise<void> {
    await this.wallets.add(Wallet.open());
  }

  /** On the reserved connections, like events and deadlines. */
  @Post('reserved')
  async openReserved(): Promise<void> {
    await this.unitOfWork.runReserved(() => this.wallets.add(Wallet.open()));
  }
}

/**
 * A failover from a service's perspective: its sessions end, and new ones are read-only. A session keeps its initial mode, so
 * these sessions stay read-only when the database takes writes again: they lead to the demoted server.
 */
class Failover {
  constructor(private readonly database: TestDatabase) {}

  async demote(): Promise<void> {
    await this.alter('SET default_transaction_read_only = on');
    await this.endSessions();
  }

  async promote(): Promise<void> {
    await this.alter('RESET default_transaction_read_only');
  }

  async endSessions(): Promise<void> {
    await this.database.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
  }

  private async alter(what: string): Promise<void> {
    const [row] = await this.database.query<{ name: string }>('SELECT quote_ident(current_database()) AS name');
    await this.database.query(`ALTER DATABASE ${row?.name ?? ''} ${what}`);
  }
}

describe('a read-only database', () => {
  let database: TestDatabase;
  let failover: Failover;
  let service: BootedService;
  const published: string[] = [];

  beforeAll(async () => {
    database = await walletDatabase();
    failover = new Failover(database);
    @Module({
      imports: [
        HealthModule,
        PersistenceModule.forRoot({
          service: 'wallets',
          options: dataSourceOptions({
            url: database.url,
            entities: [Wallet],
            migrations: [CreateWallets1700000000000],
          }),
        }),
      ],
      controllers: [WalletController],
      providers: [WalletRepository],
    })
    class WalletModule {
      constructor(relay: OutboxRelay) {
        relay.start({ publish: async ({ id }) => void published.push(id) });
      }
    }
    service = await bootService({
      name: 'wallets',
      module: WalletModule,
      config: { HOST: '127.0.0.1', PORT: 0, LOG_LEVEL: 'silent', SHUTDOWN_GRACE_SECONDS: 10 },
    });
  });

  afterAll(async () => {
    await service.stop();
    await database.drop();
  });

  afterEach(() => failover.promote());

  const answer = async (method: string, path: string) => {
    const response = await fetch(`${service.url}${path}`, { method });
    await response.text();
    return { status: response.status, retryAfter: response.headers.get('retry-after') };
  };
  const written = async (path: string): Promise<void> =>
    expect(await answer('POST', path)).toMatchObject({ status: 201 });

  it.each(['/wallets', '/wallets/reserved'])('answers POST %s with 503 and Retry-After', async (path) => {
    await written(path);
    await failover.demote();
    for (let write = 0; write < 20; write += 1) {
      const refused = await answer('POST', path);
      expect(refused.status).toBe(503);
      expect(refused.retryAfter).toMatch(/^[1-9]/);
    }
    await failover.promote();
    await eventually(() => written(path));
  });

  it('is not ready while it cannot write', async () => {
    await failover.demote();
    await eventually(async () => expect(await answer('GET', '/wallets/any')).toMatchObject({ status: 200 }));
    expect(await answer('GET', '/readyz')).toMatchObject({ status: 503 });
    await failover.promote();
    await eventually(async () => expect(await answer('GET', '/readyz')).toMatchObject({ status: 200 }));
  });

  it.each(['/wallets', '/wallets/reserved'])(
    'leaves the server within 5 s of the first rejected POST %s, while reads keep every session busy',
    async (path) => {
      await failover.demote();
      const reading = new AbortController();
      const readers = Array.from({ length: 12 }, async () => {
        while (!reading.signal.aborted) {
          await answer('GET', '/wallets/any');
        }
      });
      try {
        expect(await answer('POST', path)).toMatchObject({ status: 503 });
        await failover.promote();
        await eventually(
          async () => {
            await answer('POST', path);
            // Several in a row succeed: no session of the old server remains.
            for (let write = 0; write < 15; write += 1) {
              await written(path);
            }
          },
          { timeoutMs: 5_000 * LENIENCY },
        );
      } finally {
        reading.abort();
        await Promise.all(readers);
      }
    },
  );

  it('publishes its events: the relay leaves the server too', async () => {
    await failover.demote();
    await eventually(async () => expect(await answer('POST', '/wallets')).toMatchObject({ status: 503 }));
    await failover.promote();
    await eventually(() => written('/wallets'));
    await eventually(async () => {
      const rows = await database.query('SELECT 1 FROM outbox WHERE published_at IS NULL');
      expect(rows).toHaveLength(0);
    });
    expect(published.length).toBeGreaterThan(0);
  });
});
