import { Client } from 'pg';
import { testDatabase, type TestDatabase } from './test-database';

describe('testDatabase', () => {
  const databases: TestDatabase[] = [];

  afterEach(async () => {
    await Promise.all(databases.splice(0).map((database) => database.drop()));
  });

  const created = async (): Promise<TestDatabase> => {
    const database = await testDatabase('suite');
    databases.push(database);
    return database;
  };

  it('gives each suite a role that cannot connect to another suite’s database', async () => {
    const [mine, other] = [await created(), await created()];
    const trespassing = new URL(mine.url);
    trespassing.pathname = new URL(other.url).pathname;
    const client = new Client({ connectionString: trespassing.href });

    await expect(client.connect()).rejects.toMatchObject({ code: '42501' });
  });

  it('drops a database that is still in use', async () => {
    const database = await testDatabase('suite');
    const client = new Client({ connectionString: database.url });
    const lost = new Promise((resolve) => client.on('error', resolve));
    await client.connect();

    await database.drop();

    await expect(lost).resolves.toBeInstanceOf(Error);
  });
});
