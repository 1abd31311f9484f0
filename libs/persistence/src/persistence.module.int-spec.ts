import { Controller, Get, Module } from '@nestjs/common';
import { HealthModule, Public, uuidv7 } from '@rookery/platform';
import { type BootedService, bootService, eventually, FaultyLink, type TestDatabase } from '@rookery/testing';
import { CreateWallets1700000000000, Wallet, WalletRepository } from '../test/wallet';
import { walletDatabase } from '../test/wallet-service';
import { dataSourceOptions } from './data-source-options';
import { PersistenceModule } from './persistence.module';

@Controller('wallets')
class WalletController {
  constructor(private readonly wallets: WalletRepository) {}

  @Public()
  @Get('any')
  async any(): Promise<{ found: boolean }> {
    return { found: (await this.wallets.find(uuidv7())) !== null };
  }
}

describe('PersistenceModule', () => {
  let database: TestDatabase;
  let link: FaultyLink;
  let service: BootedService;

  beforeAll(async () => {
    database = await walletDatabase();
    link = await FaultyLink.to(database.url);
    @Module({
      imports: [
        HealthModule,
        PersistenceModule.forRoot({
          service: 'wallets',
          options: dataSourceOptions({
            url: link.url,
            entities: [Wallet],
            migrations: [CreateWallets1700000000000],
          }),
        }),
      ],
      controllers: [WalletController],
      providers: [WalletRepository],
    })
    class WalletModule {}
    service = await bootService({
      name: 'wallets',
      module: WalletModule,
      config: { HOST: '127.0.0.1', PORT: 0, LOG_LEVEL: 'error', SHUTDOWN_GRACE_SECONDS: 10 },
    });
  });

  afterAll(async () => {
    await service.stop();
    await link.close();
    await database.drop();
  });

  const answer = async (path: string): Promise<{ status: number; retryAfter: string | null; body: string }> => {
    const response = await fetch(`${service.url}${path}`);
    return { status: response.status, retryAfter: response.headers.get('retry-after'), body: await response.text() };
  };

  it('is ready and answers while the database is available', async () => {
    expect(await answer('/readyz')).toMatchObject({ status: 200 });
    expect(await answer('/wallets/any')).toMatchObject({ status: 200, body: '{"found":false}' });
  });

  it('answers 503 and is not ready while the database is down, and recovers with it', async () => {
    await link.cut();

    expect(await answer('/wallets/any')).toMatchObject({ status: 503, retryAfter: '1' });
    expect(await answer('/readyz')).toMatchObject({ status: 503 });

    await link.mend();
    await eventually(async () => expect(await answer('/readyz')).toMatchObject({ status: 200 }));
    expect(await answer('/wallets/any')).toMatchObject({ status: 200 });
  });

  it('answers 503 within 25 s when the connections to the database are half open, and recovers', async () => {
    await Promise.all(Array.from({ length: 5 }, () => answer('/wallets/any')));
    link.silence();
    const startedAt = Date.now();

    const answers = await Promise.all(Array.from({ length: 15 }, () => answer('/wallets/any')));

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
    expect(Date.now() - startedAt).toBeLessThan(25_000);
    await link.mend();
    await eventually(async () => expect(await answer('/readyz')).toMatchObject({ status: 200 }));
    expect(await answer('/wallets/any')).toMatchObject({ status: 200 });
  }, 60_000);
});
