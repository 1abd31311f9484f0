import 'reflect-metadata'; // @peculiar/x509 needs it
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { BrokerClient, NatsServerTls, NatsTls } from '@rookery/messaging';
import { BROKER_CLIENTS } from './broker-accounts';

const DAY_MS = 24 * 60 * 60_000;
const AUTHORITY_DAYS = 3_650;
const CERTIFICATE_DAYS = 365;
/** A certificate that ends sooner is replaced. */
const RENEW_BEFORE_DAYS = 30;
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Servers, by the names that clients reach them by: on this machine, in Compose and in a namespace of Kubernetes. */
const servers: Readonly<Record<'nats' | 'postgres', readonly string[]>> = {
  nats: ['localhost', 'nats', 'nats-headless'],
  postgres: ['localhost', 'postgres'],
};

/** A certificate of the folder. */
export interface Certificate {
  readonly name: string;
  readonly expires: Date;
  /** Made now, not found. */
  readonly made: boolean;
}

/** Paths of a certificate and its key. */
const filesOf = (folder: string, name: string) => ({
  cert: join(folder, `${name}.crt`),
  key: join(folder, `${name}.key`),
});

/** Path of the authority's certificate, by which everything else is checked. */
export const authorityFile = (folder: string): string => filesOf(folder, 'ca').cert;

/** What nats-server and Postgres read. */
export const serverTls = (folder: string, server: 'nats' | 'postgres'): NatsServerTls => ({
  ca: authorityFile(folder),
  ...filesOf(folder, server),
});

/** What a client shows and checks by, as the settings NATS_TLS_… hold it. */
export function clientTls(folder: string, client: BrokerClient): Required<NatsTls> {
  const { cert, key } = filesOf(folder, client);
  const text = (file: string): string => readFileSync(file, 'utf8');
  return { ca: text(authorityFile(folder)), cert: text(cert), key: text(key) };
}

/** The same by file. */
export function natsTlsFiles(folder: string, client: BrokerClient): Readonly<Record<string, string>> {
  const { cert, key } = filesOf(folder, client);
  return { NATS_TLS_CA_FILE: authorityFile(folder), NATS_TLS_CERT_FILE: cert, NATS_TLS_KEY_FILE: key };
}

/**
 * A certificate authority of this folder's own, with certificates for the servers and for each client of the broker, P-256, readable by
 * the owner only. What is there and good for another month stays; with `force` everything is replaced, the authority too.
 */
export async function provideCertificates(folder: string, { force = false } = {}): Promise<readonly Certificate[]> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const authority = await provideAuthority(folder, force);
  const made = [
    ...Object.entries(servers).map(([name, hosts]) => ({ name, hosts, usage: ExtendedKeyUsage.serverAuth })),
    ...BROKER_CLIENTS.map((name) => ({ name, hosts: [], usage: ExtendedKeyUsage.clientAuth })),
  ].map(async (wanted) => {
    const found = authority.made ? undefined : read(folder, wanted.name);
    if (found !== undefined && lasts(found) && found.verify(authority.certificate.publicKey)) {
      return { name: wanted.name, expires: found.validToDate, made: false };
    }
    return { name: wanted.name, expires: await issue(folder, authority, wanted), made: true };
  });
  const { certificate } = authority;
  return [{ name: 'ca', expires: certificate.validToDate, made: authority.made }, ...(await Promise.all(made))];
}

/** Of Node’s Web Crypto. Its name is global only beside the types of a browser, which a dependency brings along or not. */
type PrivateKey = Parameters<typeof crypto.subtle.exportKey>[1];

interface Authority {
  readonly certificate: X509Certificate;
  readonly key: PrivateKey;
  readonly made: boolean;
}

async function provideAuthority(folder: string, force: boolean): Promise<Authority> {
  const found = force ? undefined : read(folder, 'ca');
  if (found !== undefined && lasts(found)) {
    const pem = readFileSync(filesOf(folder, 'ca').key, 'utf8');
    const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
    return {
      certificate: found,
      key: await crypto.subtle.importKey('pkcs8', der, algorithm, true, ['sign']),
      made: false,
    };
  }
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity(AUTHORITY_DAYS),
    name: 'CN=Rookery local authority',
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const pem = certificate.toString('pem');
  await write(folder, 'ca', pem, keys.privateKey);
  return { certificate: new X509Certificate(pem), key: keys.privateKey, made: true };
}

interface Wanted {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly usage: ExtendedKeyUsage;
}

async function issue(folder: string, authority: Authority, { name, hosts, usage }: Wanted): Promise<Date> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const names = [
    ...hosts.map((value) => ({ type: 'dns', value }) as const),
    ...(hosts.length === 0 ? [] : [{ type: 'ip', value: '127.0.0.1' } as const]),
  ];
  const certificate = await X509CertificateGenerator.create({
    ...validity(CERTIFICATE_DAYS),
    subject: `CN=${name}`,
    issuer: 'CN=Rookery local authority',
    publicKey: keys.publicKey,
    signingKey: authority.key,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([usage], true),
      ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(
        authority.certificate.publicKey.export({ type: 'spki', format: 'der' }),
      ),
    ],
  });
  await write(folder, name, certificate.toString('pem'), keys.privateKey);
  return certificate.notAfter;
}

/** From five minutes ago: clocks differ. */
const validity = (days: number) => ({
  // Its first bits are 01: serial numbers are positive (RFC 5280, 4.1.2.2), and none begins with a zero byte.
  serialNumber: `4${randomBytes(16).toString('hex').slice(1)}`,
  notBefore: new Date(Date.now() - 300_000),
  notAfter: new Date(Date.now() + days * DAY_MS),
});

const lasts = ({ validToDate }: X509Certificate): boolean =>
  validToDate.getTime() > Date.now() + RENEW_BEFORE_DAYS * DAY_MS;

function read(folder: string, name: string): X509Certificate | undefined {
  const { cert, key } = filesOf(folder, name);
  if (!existsSync(cert) || !existsSync(key)) {
    return undefined;
  }
  try {
    const certificate = new X509Certificate(readFileSync(cert));
    return certificate.checkPrivateKey(createPrivateKey(readFileSync(key))) ? certificate : undefined;
  } catch {
    return undefined; // neither is worth keeping
  }
}

async function write(folder: string, name: string, pem: string, key: PrivateKey): Promise<void> {
  const files = filesOf(folder, name);
  const pkcs8 = PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
  for (const [file, text] of [
    [files.key, pkcs8],
    [files.cert, pem],
  ] as const) {
    // Beside its place and renamed: a concurrent reader gets the old one or the new one.
    writeFileSync(`${file}.new`, `${text}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
}
