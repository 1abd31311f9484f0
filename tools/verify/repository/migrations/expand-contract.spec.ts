import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '@rookery/devkit/stack/repository';
import { faultsOfMigration } from './expand-contract';

const migration = (up: string, head = ''): string => `${head}
export class Change1 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(\`${up}\`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE everything');
  }
}
`;

describe('a migration', () => {
  const files = globSync('apps/*/src/migrations/*.ts', { cwd: repository }).toSorted();

  it.each(files)('only expands what the previous release uses, without long locks: %s', (file) => {
    expect(faultsOfMigration(readFileSync(join(repository, file), 'utf8'))).toEqual([]);
  });

  it('is looked at in every service', () => {
    expect(new Set(files.map((file) => file.split('/')[1]))).toEqual(
      new Set(['auth', 'orders', 'payments', 'products']),
    );
  });

  it.each([
    ['DROP TABLE orders', /drops something/],
    ['ALTER TABLE orders DROP COLUMN note', /drops something/],
    ['ALTER TABLE orders RENAME COLUMN note TO remark', /renames something/],
    ['ALTER TABLE orders RENAME TO purchases', /renames something/],
    ['ALTER TABLE orders ALTER COLUMN total TYPE numeric', /changes the type/],
    ['ALTER TABLE orders ALTER COLUMN note SET NOT NULL', /makes a column required/],
    ['ALTER TABLE orders ADD COLUMN note text NOT NULL', /required column without a default/],
    ['ALTER TABLE orders\n  ADD note text NOT NULL', /required column without a default/],
    ['TRUNCATE orders', /empties a table/],
    ['CREATE INDEX orders_note ON orders (note)', /index on orders.*without CONCURRENTLY/],
    ['ALTER TABLE orders ADD CONSTRAINT positive CHECK (total > 0)', /constraint to orders.*without NOT VALID/],
  ])('is refused: %s', (sql, fault) => {
    expect(faultsOfMigration(migration(sql))).toEqual([expect.stringMatching(fault)]);
  });

  it.each([
    'CREATE TABLE notes (id uuid NOT NULL); CREATE INDEX notes_ix ON notes (id)',
    'ALTER TABLE orders ADD COLUMN note text',
    `ALTER TABLE orders ADD COLUMN note text NOT NULL DEFAULT ''`,
    'CREATE INDEX CONCURRENTLY orders_note ON orders (note)',
    'ALTER TABLE orders ADD CONSTRAINT positive CHECK (total > 0) NOT VALID',
  ])('is taken: %s', (sql) => {
    expect(faultsOfMigration(migration(sql))).toEqual([]);
  });

  it('may contract when it says which release stopped using what goes', () => {
    const sql = 'ALTER TABLE orders DROP COLUMN note';
    expect(faultsOfMigration(migration(sql, '// contract: orders.note, unused since v1.4'))).toEqual([]);
    expect(faultsOfMigration(migration(sql, '// contract: orders.note'))).not.toEqual([]);
  });
});
