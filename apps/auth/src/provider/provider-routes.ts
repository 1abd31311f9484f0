/** What a request at a route is counted with, by the address that sends it. */
export type Budget = 'log-ins' | 'guesses' | 'pages' | 'documents';

/** One address that this service answers for people and clients of OAuth. */
export interface ProviderRoute {
  /** The library's name of it. */
  readonly name: string;
  /** `:uid` is any one segment. */
  readonly path: string;
  readonly methods: readonly string[];
  /** A page for a person, served under the issuer's own name only; or JSON for a program. */
  readonly answers: 'page' | 'json';
  readonly budget: Budget;
}

const READ = ['GET', 'HEAD'] as const;
const PROGRAMS = ['POST', 'OPTIONS'] as const;
const DOCUMENT = { methods: [...READ, 'OPTIONS'], answers: 'json', budget: 'documents' } as const;
/** Each request may be a guess at a code, a token or a secret. */
const GUESS = { methods: PROGRAMS, answers: 'json', budget: 'guesses' } as const;

/**
 * Every address of oidc-provider with our configuration. A spec compares it with what the library itself puts into its router, and
 * what is not here is refused: so no address is without a limit, and none answers by accident.
 */
export const PROVIDER_ROUTES: readonly ProviderRoute[] = [
  { name: 'authorization', path: '/auth', methods: READ, answers: 'page', budget: 'log-ins' },
  { name: 'resume', path: '/auth/:uid', methods: READ, answers: 'page', budget: 'log-ins' },
  { name: 'token', path: '/token', ...GUESS },
  { name: 'introspection', path: '/token/introspection', ...GUESS },
  { name: 'revocation', path: '/token/revocation', ...GUESS },
  { name: 'jwks', path: '/jwks', ...DOCUMENT },
  { name: 'discovery', path: '/.well-known/openid-configuration', ...DOCUMENT },
  { name: 'discovery', path: '/.well-known/oauth-authorization-server', ...DOCUMENT },
  { name: 'end_session', path: '/session/end', methods: READ, answers: 'page', budget: 'pages' },
  { name: 'end_session_confirm', path: '/session/end/confirm', methods: ['POST'], answers: 'page', budget: 'pages' },
  { name: 'end_session_success', path: '/session/end/success', methods: READ, answers: 'page', budget: 'pages' },
  { name: 'device_authorization', path: '/device/auth', ...GUESS },
  { name: 'code_verification', path: '/device', methods: [...READ, 'POST'], answers: 'page', budget: 'guesses' },
  { name: 'device_resume', path: '/device/:uid', methods: READ, answers: 'page', budget: 'pages' },
];

/** Our own pages between a client's request and its answer, and the one at the root. */
const OUR_PAGES: readonly ProviderRoute[] = [
  { name: 'interaction', path: '/interaction/:uid', methods: [...READ, 'POST'], answers: 'page', budget: 'pages' },
  { name: 'root', path: '/', methods: READ, answers: 'page', budget: 'pages' },
];

/** What is at an address. */
export interface Place {
  /** `/device/:uid`, or the first segment where nothing is at the address; for metrics. */
  readonly label: string;
  /** Undefined: nothing is at the address, or not with this method. */
  readonly route: ProviderRoute | undefined;
  /** Methods that the address knows. */
  readonly methods: readonly string[];
  readonly answers: 'page' | 'json';
  readonly budget: Budget;
  /** Answered by oidc-provider, not by a controller. */
  readonly isLibrarys: boolean;
}

/** Asked by machines that watch this process, under whatever name. */
const PROBES: ReadonlySet<string> = new Set(['/livez', '/readyz', '/health', '/metrics']);

/** An address at which nothing is. It is counted and wants our name like the others; the 404 is Nest's. */
export const NOWHERE: Place = {
  label: '(unknown)',
  route: undefined,
  methods: [],
  answers: 'json',
  budget: 'pages',
  isLibrarys: false,
};

/** What is at this address with this method; undefined for probes and metrics. */
export function placeOf(method: string, url: string): Place | undefined {
  const path = pathOf(url);
  if (PROBES.has(path)) return undefined;
  const [, first = ''] = path.split('/');
  const near = [...PROVIDER_ROUTES, ...OUR_PAGES].filter((route) => firstOf(route) === first);
  const [nearest] = near;
  if (nearest === undefined || (first === '.well-known' && !near.some((route) => route.path === path))) return NOWHERE;
  // A literal address goes before a pattern: /device/auth is no step of connecting a device.
  const at = near.filter((route) => route.path === path);
  const known = at.length > 0 ? at : near.filter((route) => matches(route.path, path));
  const route = known.find(({ methods }) => methods.includes(method));
  return {
    label: known[0]?.path ?? `/${first}`,
    route,
    methods: known.flatMap(({ methods }) => methods),
    answers: route?.answers ?? (near.some(({ answers }) => answers === 'page') ? 'page' : 'json'),
    budget: route?.budget ?? nearest.budget,
    isLibrarys: !OUR_PAGES.includes(nearest),
  };
}

/** As oidc-provider reads it: in any case, with or without a slash at the end. */
function pathOf(url: string): string {
  const [path = ''] = url.split('?', 1);
  const lower = path.toLowerCase();
  return lower.length > 1 && lower.endsWith('/') ? lower.slice(0, -1) : lower;
}

const firstOf = ({ path }: ProviderRoute): string => path.split('/')[1] ?? '';

function matches(pattern: string, path: string): boolean {
  const segments = path.split('/');
  const wanted = pattern.split('/');
  return (
    wanted.length === segments.length &&
    wanted.every((segment, index) => (segment.startsWith(':') ? segments[index] !== '' : segment === segments[index]))
  );
}
