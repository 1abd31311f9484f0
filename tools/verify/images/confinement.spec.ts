import { confinementFaults, readConfinement } from './confinement';

const status = (fields: Readonly<Record<string, string>> = {}): string =>
  Object.entries({
    Uid: '65532\t65532\t65532\t65532',
    CapInh: '0000000000000000',
    CapPrm: '0000000000000000',
    CapEff: '0000000000000000',
    CapBnd: '0000000000000000',
    NoNewPrivs: '1',
    ...fields,
  })
    .map(([name, value]) => `${name}:\t${value}\n`)
    .join('');

const confined = {
  uid: 65532,
  gid: 65532,
  status: status(),
  writes: { '/new': 'EROFS' },
  token: false,
  secretsInEnvironment: [],
  memory: '268435456',
};
const faultsOf = (differences: object): readonly string[] =>
  confinementFaults(readConfinement(JSON.stringify({ ...confined, ...differences })));

describe('the confinement of a process', () => {
  it('is complete when Linux says so', () => {
    expect(faultsOf({})).toEqual([]);
  });

  it.each([
    ['another user', { uid: 0 }, 'runs as 0:65532'],
    ['another group', { gid: 0 }, 'runs as 65532:0'],
    ['an app of another user', { status: status({ Uid: '0\t0\t0\t0' }) }, 'the app as 0'],
    ['a capability', { status: status({ CapBnd: '0000000000000400' }) }, 'CapBnd is 0000000000000400'],
    ['new privileges', { status: status({ NoNewPrivs: '0' }) }, 'NoNewPrivs is 0'],
    ['no status at all', { status: '' }, 'NoNewPrivs is unknown'],
    ['a file that can be written', { writes: { '/tmp/new': 'written' } }, '/tmp/new: written'],
    ['a token', { token: true }, 'has a token of the Kubernetes API'],
    ['a secret', { secretsInEnvironment: ['DATABASE_URL'] }, 'DATABASE_URL is in the environment'],
  ])('is broken by %s', (_what, differences, fault) => {
    expect(faultsOf(differences)).toContainEqual(expect.stringContaining(fault));
  });
});
