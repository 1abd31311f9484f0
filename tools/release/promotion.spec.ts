import { type App, Apps, type Environment } from './overlay-images';
import { promote } from './promotion';

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;

/** An overlay as people write them: comments, a blank line, another list behind. */
function overlay(carried: Partial<Record<App, string>>): string {
  const images = Apps.map(
    (app) => `  # ${app} of the shop
  - name: ghcr.io/rookery/${app}
    ${carried[app] === undefined ? 'newTag: dev' : `digest: ${carried[app]}`} # by pull request only`,
  );
  return `# Everything on one cluster.
namespace: any
resources: [../../base]
images:
  - name: docker.io/library/nats
    newTag: '2.12'
${images.join('\n')}

labels:
  - pairs: { rookery.dev/environment: any }
`;
}

const all = (letter: string): string => overlay(Object.fromEntries(Apps.map((app) => [app, digest(letter)])));

const overlays = (texts: Partial<Record<Environment, string>>) => (environment: Environment) =>
  texts[environment] ?? overlay({});

describe('a promotion', () => {
  it('copies exactly the digests of the environment before', () => {
    const read = overlays({ dev: all('b'), staging: overlay({ orders: digest('a') }) });

    const { overlay: staging, changes } = promote({ to: 'staging', digests: 'as-before' }, read);

    expect(staging.text).toBe(all('b'));
    expect(changes).toHaveLength(Apps.length);
    expect(changes).toContainEqual({ app: 'orders', from: digest('a'), to: digest('b') });
    expect(changes).toContainEqual({ app: 'gateway', from: undefined, to: digest('b') });
  });

  it('changes one line of the file, comments stay', () => {
    const dev = overlay({});
    const digests = new Map([['orders', digest('c')] as const]);

    const { overlay: changed } = promote({ to: 'dev', digests }, overlays({ dev }));

    const lines = dev.split('\n');
    const different = changed.text.split('\n').filter((line, index) => line !== lines[index]);
    expect(different).toEqual([`    digest: ${digest('c')} # by pull request only`]);
  });

  it('of what is carried already changes nothing', () => {
    const read = overlays({ dev: all('b'), staging: all('b') });
    const { overlay: staging, changes } = promote({ to: 'staging', digests: 'as-before' }, read);
    expect(staging.text).toBe(all('b'));
    expect(changes).toEqual([]);
  });

  it.each([
    ['prod', 'staging'],
    ['staging', 'dev'],
  ] as const)('refuses for %s a digest that %s does not carry, and changes nothing', (to, previous) => {
    const read = overlays({ [previous]: all('a') });
    const digests = new Map([['payments', digest('b')] as const]);
    expect(() => promote({ to, digests }, read)).toThrow(`${previous} carries ${digest('a')}`);
  });

  it('refuses for prod what staging names by a tag', () => {
    const read = overlays({ staging: overlay({}) });
    expect(() => promote({ to: 'prod', digests: 'as-before' }, read)).toThrow('staging carries no digest for gateway');
    const digests = new Map([['auth', digest('b')] as const]);
    expect(() => promote({ to: 'prod', digests }, read)).toThrow('staging carries no digest.');
  });

  it('lets dev take what the pipeline has built, and nothing that is no digest', () => {
    const built = (text: string) => promote({ to: 'dev', digests: new Map([['auth', text] as const]) }, overlays({}));
    expect(built(digest('d')).changes).toEqual([{ app: 'auth', from: undefined, to: digest('d') }]);
    for (const text of ['', 'latest', digest('d').slice(0, -1), digest('D'), `${digest('d')}0`]) {
      expect(() => built(text)).toThrow('is no digest');
    }
  });

  it('has nothing to copy from before dev', () => {
    expect(() => promote({ to: 'dev', digests: 'as-before' }, overlays({}))).toThrow('Nothing comes before dev');
  });

  it('refuses an overlay that does not list an image, which kustomize would deploy as written in the base', () => {
    const read = overlays({ dev: overlay({}).replace('ghcr.io/rookery/auth', 'ghcr.io/rookery/other') });
    const digests = new Map([['auth', digest('d')] as const]);
    expect(() => promote({ to: 'dev', digests }, read)).toThrow('names no image ghcr.io/rookery/auth');
  });
});
