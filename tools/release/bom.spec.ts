import { type Bom, reproducible, validateBom } from './bom';

const bom = (change: Partial<Bom> = {}): Bom => ({
  $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
  bomFormat: 'CycloneDX',
  specVersion: '1.5',
  serialNumber: 'urn:uuid:742216f7-633c-4e22-91bf-a66954e9fcf8',
  version: 1,
  metadata: { timestamp: '2026-11-25T14:18:05.836Z', component: { type: 'library', name: 'orders', version: '0.0.1' } },
  components: [{ type: 'library', name: 'pg', version: '8.23.1', purl: 'pkg:npm/pg@8.23.1' }],
  ...change,
});
const TIME = '2026-11-25T00:00:00.000Z';

describe('a bill of materials', () => {
  it('is the same for the same content, whenever it is made, and another one for other content', () => {
    const later = bom({ serialNumber: 'urn:uuid:00000000-0000-4000-8000-000000000000' });
    expect(reproducible(later, TIME)).toEqual(reproducible(bom(), TIME));
    const other = bom({ components: [{ type: 'library', name: 'pg', version: '8.23.2', purl: 'pkg:npm/pg@8.23.2' }] });
    expect(reproducible(other, TIME)['serialNumber']).not.toBe(reproducible(bom(), TIME)['serialNumber']);
  });

  it('follows the CycloneDX schema', async () => {
    await expect(validateBom(JSON.stringify(reproducible(bom(), TIME)))).resolves.toBeUndefined();
  });

  it.each([
    ['a component without a type', { components: [{ name: 'pg', version: '8.23.1', purl: 'pkg:npm/pg@8.23.1' }] }],
    ['a field that does not exist', { price: 0 }],
  ])('is refused with %s', async (_what, change) => {
    await expect(validateBom(JSON.stringify({ ...bom(), ...change }))).rejects.toThrow(/does not follow the schema/);
  });
});
