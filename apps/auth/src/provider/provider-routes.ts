import { OPERATIONAL_PATHS } from '@rookery/platform';

/** The rate limit budget of a route, per client address. */
export type Budget = 'log-ins' | 'guesses' | 'pages' | 'documents';

/** One route of this service for people and OAuth clients. */
export interface ProviderRoute {
  /** Its name in the library. */
  readonly name: string;
  /** `:uid` matches one segment. */
  readonly path: string;
  readonly methods: readonly string[];
  /** A page for a person, served only under the issuer's own name; or JSON for a program. */
  readonly answers: 'page' | 'json';
  readonly budget: Budget;
}

const READ = ['GET', 'HEAD'] as const;
const PROGRAMS = ['POST', 'OPTIONS'] as const;
const DOCUMENT = { methods: [...READ, 'OPTIONS'], answers: 'json', budget: 'documents' } as const;
/** Each request may guess a code, a token or a secret. */
const GUESS = { methods: PROGRAMS, answers: 'json', budget: 'guesses' } as const;

/**
 * Every route of oidc-provider with this configuration. A spec compares the list with the library's router, and all other routes are
 * rejected: so every route has a limit, and none is served by accident.
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

/** The pages of this service between a client's request and its response, and the root page. */
const OWN_PAGES: readonly ProviderRoute[] = [
  { name: 'interaction', path: '/interaction/:uid', methods: [...READ, 'POST'], answers: 'page', budget: 'pages' },
  { name: 'root', path: '/', methods: READ, answers: 'page', budget: 'pages' },
];

/** What a request target refers to. */
export interface Place {
  /** `/device/:uid`, or the first segment of an unknown path; for metrics. */
  readonly label: string;
  /** Undefined for an unknown path or method. */
  readonly route: ProviderRoute | undefined;
  /** Methods of this path. */
  readonly methods: readonly string[];
  readonly answers: 'page' | 'json';
  readonly budget: Budget;
  /** Served by oidc-provider, not by a controller. */
  readonly isProviderRoute: boolean;
}

/** Requested by monitoring under any host name. Nest matches them literally, so another spelling is an unknown path. */
const PROBES: ReadonlySet<string> = new Set(OPERATIONAL_PATHS);

/** An unknown path. It is counted and needs the issuer's host name like the others; Nest answers 404. */
export const NOWHERE: Place = {
  label: '(unknown)',
  route: undefined,
  methods: [],
  answers: 'json',
  budget: 'pages',
  isProviderRoute: false,
};

/** What a request with this method and URL refers to; undefined for probes and metrics. */
export function placeOf(method: string, url: string): Place | undefined {
  const [literal = ''] = url.split('?', 1);
  if (PROBES.has(literal)) {
    return undefined;
  }
  const path = pathOf(url);
  const [, first = ''] = path.split('/');
  const near = [...PROVIDER_ROUTES, ...OWN_PAGES].filter((route) => firstOf(route) === first);
  const [nearest] = near;
  if (nearest === undefined || (first === '.well-known' && !near.some((route) => route.path === path))) {
    return NOWHERE;
  }
  // A literal path takes precedence over a pattern: /device/auth is not a step of connecting a device.
  const at = near.filter((route) => route.path === path);
  const known = at.length > 0 ? at : near.filter((route) => matches(route.path, path));
  const route = known.find(({ methods }) => methods.includes(method));
  return {
    label: known[0]?.path ?? `/${first}`,
    route,
    methods: known.flatMap(({ methods }) => methods),
    answers: route?.answers ?? (near.some(({ answers }) => answers === 'page') ? 'page' : 'json'),
    budget: route?.budget ?? nearest.budget,
    isProviderRoute: !OWN_PAGES.includes(nearest),
  };
}

/** As oidc-provider parses it: case-insensitive, with or without a trailing slash. */
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
