import type { BrokerKey, BrokerUser } from './permissions';

/** An isolated set of subjects and streams on a broker. */
export interface BrokerAccount {
  readonly name: string;
  readonly users: readonly BrokerUser[];
}

/** Paths of the PEM files of a nats-server that requires TLS and client certificates signed by `ca`. */
export interface NatsServerTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Input of `natsServerSettings`. */
export interface NatsServerSettings {
  /** @default 127.0.0.1 */
  readonly host?: string;
  readonly port: number;
  /**
   * Monitoring port.
   * @default no monitoring
   */
  readonly httpPort?: number;
  readonly storeDir: string;
  /**
   * Size limit of all streams together, in the notation of nats-server. Each stream counts with its full limit. Without this setting the
   * server takes three quarters of the free disk space, and creates no stream on a nearly full disk.
   * @default 64GB
   */
  readonly maxFileStore?: string;
  /** @default plain TCP */
  readonly tls?: NatsServerTls | undefined;
}

/** Input of `natsServerConfig`. */
export interface NatsServerOptions extends NatsServerSettings {
  readonly accounts: readonly BrokerAccount[];
}

/** The configuration file of a nats-server, version 2.9.10 or newer. */
export function natsServerConfig({ accounts, ...settings }: NatsServerOptions): string {
  return `${natsServerSettings(settings)}${natsAccountsConfig(accounts)}`;
}

/** The configuration without accounts. A server without accounts gives every client all permissions. */
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
    // The server drops a client with a half-open connection after 20-30 s, and one that does not read after 5 s.
    'ping_interval: "10s"',
    'ping_max: 2',
    'write_deadline: "5s"',
    ...(tls === undefined ? [] : [renderTls(tls)]),
    `jetstream { store_dir: ${quoted(storeDir)}, max_file_store: ${maxFileStore} }`,
    '',
  ].join('\n');
}

/** The server also verifies its clients: without a certificate of the same authority no client reaches the log-in. */
const renderTls = ({ ca, cert, key }: NatsServerTls): string =>
  `tls { cert_file: ${quoted(cert)}, key_file: ${quoted(key)}, ca_file: ${quoted(ca)}, verify: true, timeout: 5 }`;

/**
 * The accounts of a nats-server with their users. All users are inside `accounts {}`: on 2.9.10, `authorization {users}` beside
 * `accounts` admits anonymous clients (CVE-2023-47090).
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

/** nats-server reads an empty allow list as "everything". A deny list overrides the allow list. */
function renderSubjects(allowed: readonly string[], denied: readonly string[] = []): string {
  if (allowed.length === 0) {
    return '{ deny: [">"] }';
  }
  const deny = denied.length === 0 ? '' : `, deny: [${denied.map(quoted).join(', ')}]`;
  return `{ allow: [${allowed.map(quoted).join(', ')}]${deny} }`;
}

/** A double-quoted string of nats-server: its only escapes are \" \\ and \xHH. */
function quoted(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replace(/[\u0000-\u001f\u007f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `"${escaped}"`;
}
