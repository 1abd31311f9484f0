import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readEnvFile } from './env-file';

const folder = mkdtempSync(join(tmpdir(), 'rookery-env-'));
const write = (text: string): void => writeFileSync(join(folder, '.env'), text);

beforeAll(() =>
  writeFileSync(join(folder, '.env.example'), '# Port of gateway\n#GATEWAY_PORT=3000\n\nDATABASE_URL=\n#SMTP_URL=\n'),
);
afterAll(() => rmSync(folder, { recursive: true }));

describe('a .env beside the programs', () => {
  it('need not be there', () => {
    expect(readEnvFile(folder)).toEqual({});
  });

  it('sets what .env.example lists, also from a file, and nothing by an empty value', () => {
    write('# mine\nGATEWAY_PORT=4000\nexport SMTP_URL="smtp://a b"\nDATABASE_URL_FILE=/run/url\nDATABASE_URL=\n');
    expect(readEnvFile(folder)).toEqual({
      GATEWAY_PORT: '4000',
      SMTP_URL: 'smtp://a b',
      DATABASE_URL_FILE: '/run/url',
    });
  });

  it('takes a value over several lines', () => {
    write('SMTP_URL="one\ntwo three"\nGATEWAY_PORT=1\n');
    expect(readEnvFile(folder)).toEqual({ SMTP_URL: 'one\ntwo three', GATEWAY_PORT: '1' });
  });

  it('is refused with every unknown name and every line that sets nothing, without a value', () => {
    write('GATEWAY_PROT=secret-1\nsecret-2 is here\nFANCY=secret-3\n');
    const read = () => readEnvFile(folder);
    expect(read).toThrow(/GATEWAY_PROT is not a setting\n/);
    expect(read).toThrow(/FANCY is not a setting\n/);
    expect(read).toThrow(/line 2 is not NAME=value/);
    expect(read).not.toThrow(/secret-/);
  });
});
