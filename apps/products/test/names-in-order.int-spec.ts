import { connect, runMigrations } from '@rookery/persistence';
import { uuidv7 } from '@rookery/platform';
import { testDatabase, type TestDatabase } from '@rookery/testing';
import { productsDatabase } from '../src/database';
import { NamesInOrder1796000000000 } from '../src/migrations/1796000000000-names-in-order';

let database: TestDatabase;

beforeAll(async () => {
  const { migrations } = productsDatabase({ DATABASE_URL: '' });
  const before = Array.isArray(migrations) ? migrations.filter((one) => one !== NamesInOrder1796000000000) : [];
  database = await testDatabase('products', { migrations: before });
});
afterAll(() => database.drop());

async function store(name: string, category: string | null): Promise<string> {
  const id = uuidv7();
  await database.query(
    `INSERT INTO products (id, version, event_sequence, sku, name, description, category, price_minor, currency, created_at, updated_at)
     VALUES ($1::uuid, 1, 1, $1::text, $2, $2, $3, 100, 'EUR', now(), now())`,
    [id, name, category],
  );
  return id;
}

const rowOf = async (id: string): Promise<unknown> =>
  (await database.query('SELECT name, description, category, version FROM products WHERE id = $1', [id]))[0];

const indexes = async (): Promise<readonly string[]> => {
  const sql = `SELECT indexname FROM pg_indexes WHERE tablename = 'products' AND indexname LIKE 'products_by%' ORDER BY 1`;
  return (await database.query<{ indexname: string }>(sql)).map(({ indexname }) => indexname);
};

it('converts stored names to NFC as a new version, leaves the others unchanged, and can be reverted', async () => {
  const decomposed = await store('Cafe\u0301', 'A\u0308hren');
  const composed = await store('Caf\u00e9', null);
  const indexesBefore = await indexes();

  const options = productsDatabase({ DATABASE_URL: database.url });
  expect(await runMigrations(options, () => undefined)).toEqual(['NamesInOrder1796000000000']);
  const name = 'Caf\u00e9';
  expect(await rowOf(decomposed)).toEqual({ name, description: name, category: '\u00c4hren', version: 2 });
  expect(await rowOf(composed)).toEqual({ name, description: name, category: null, version: 1 });

  const dataSource = await connect(options);
  try {
    await dataSource.undoLastMigration({ transaction: 'none' });
    expect(await indexes()).toEqual(indexesBefore);
  } finally {
    await dataSource.destroy();
  }
  // As after an attempt that broke off, with an index left behind.
  await database.query('CREATE INDEX products_by_name_in_order ON products (id)');
  expect(await runMigrations(options, () => undefined)).toHaveLength(1);
  expect(await rowOf(decomposed)).toMatchObject({ version: 2 });
});
