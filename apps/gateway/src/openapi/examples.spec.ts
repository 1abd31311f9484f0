import { examples } from './examples';

describe('the examples of the OpenAPI document', () => {
  it.each(examples.map(({ schema, value }) => ({ name: schema.meta()?.id, schema, value })))(
    '$name satisfies its contract',
    ({ name, schema, value }) => {
      expect(name).toEqual(expect.any(String));
      expect(schema.safeParse(value)).toMatchObject({ success: true });
    },
  );
});
