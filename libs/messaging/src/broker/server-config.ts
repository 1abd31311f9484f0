import type { BrokerKey, BrokerUser } from './permissions';

/** An isolated set of subjects and streams on a broker. */
export interface BrokerAccount {
  readonly name: string;
  readonly users: readonly BrokerUser[];
}

/** Files of a nats-server that speaks TLS only, and only with clients whose certificate is signed by `ca`. */
export interface NatsServerTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What `natsServerSettings` renders. */
export interface NatsServerSettings {
  readonly host?: string;
  readonly port: number;
  /** Monitoring port; none unless given. */
  readonly httpPort?: number;
  readonly storeDir: string;
  /**
   * Room for all streams together, as nats-server reads it (`64GB`). Their limits count against it as if they were used up. It is set because
   * the server takes three quarters of what is free on the disk otherwise, and makes no stream when there is little.
   */
  readonly maxFileStore?: string;
  /** Plain TCP unless given. */
  readonly tls?: NatsServerTls | undefined;
}

/** What `natsServerConfig` renders. */
export interface NatsServerOptions extends NatsServerSettings {
  readonly accounts: readonly BrokerAccount[];
}

/** The configuration of a nats-server, 2.9.10 or newer. */
export function natsServerConfig({ accounts, ...settings }: NatsServerOptions): string {
  return `${natsServerSettings(settings)}${natsAccountsConfig(accounts)}`;
}

/** The part of the configuration that says nothing of accounts. Without them everybody may do everything. */
export function natsServerSettings({
  host = '127.0.0.1',
  port,
  httpPort,
  storeDir,
  maxFileStore = '64GB',
  tls,
}: NatsServerSettings): string {
  return [
    `host: ${quoted(host)}`,
    `port: ${port}`,
    ...(httpPort === undefined ? [] : [`http: ${quoted(`${host}:${httpPort}`)}`]),
    'max_payload: 1048576',
    // A client whose connection is half open is given up after 20-30 s, and one that does not read after 5 s.
    'ping_interval: "10s"',
    'ping_max: 2',
    'write_deadline: "5s"',
    ...(tls === undefined ? [] : [renderTls(tls)]),
    `jetstream { store_dir: ${quoted(storeDir)}, max_file_store: ${maxFileStore} }`,
    '',
  ].join('\n');
}

/** The server also wants to know its clients: without a certificate of the same authority nobody gets as far as the log-in. */
const renderTls = ({ ca, cert, key }: NatsServerTls): string =>
  `tls { cert_file: ${quoted(cert)}, key_file: ${quoted(key)}, ca_file: ${quoted(ca)}, verify: true, timeout: 5 }`;

/**
 * The accounts of a nats-server with their users. All users stand inside `accounts {}`: on 2.9.10 `authorization {users}` beside
 * `accounts` lets anonymous clients in (CVE-2023-47090).
 */
export function natsAccountsConfig(accounts: readonly BrokerAccount[]): string {
  return ['accounts {', ...accounts.map(renderAccount), '}', ''].join('\n');
}

function renderAccount({ name, users }: BrokerAccount): string {
  return [
    `  ${quoted(name)} {`,
    '    jetstream: enabled',
    '    users: [',
    ...users.flatMap(({ keys, permissions }) => keys.map((key) => renderUser(key, permissions))),
    '    ]',
    '  }',
  ].join('\n');
}

function renderUser(key: BrokerKey, permissions: BrokerUser['permissions']): string {
  if (permissions === undefined) {
    return `      { nkey: ${renderKey(key)} }`;
  }
  return [
    `      { nkey: ${renderKey(key)}, permissions: {`,
    `          publish: ${renderSubjects(permissions.publish, permissions.neverPublish)}`,
    `          subscribe: ${renderSubjects(permissions.subscribe)}`,
    '      } }',
  ].join('\n');
}

/** A variable has no quotes: nats-server does not replace quoted ones. */
const renderKey = (key: BrokerKey): string => (typeof key === 'string' ? quoted(key) : `$${key.variable}`);

/** An empty allow list would mean "everything" to nats-server. What is denied is so even where the list allows it. */
function renderSubjects(allowed: readonly string[], denied: readonly string[] = []): string {
  if (allowed.length === 0) return '{ deny: [">"] }';
  const deny = denied.length === 0 ? '' : `, deny: [${denied.map(quoted).join(', ')}]`;
  return `{ allow: [${allowed.map(quoted).join(', ')}]${deny} }`;
}

/** A string as nats-server reads it: its double-quoted strings know \" \\ and \xHH only. */
function quoted(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replace(/[\u0000-\u001f\u007f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `"${escaped}"`;
}
