import { UnusableSetting } from '@rookery/platform';

/** The nats-server versions that the tests run on: the oldest supported and the newest tested. */
export const TESTED_NATS_SERVERS = { oldest: '2.9.10', newest: '2.15.1' } as const;

/** The broker runs an unsupported nats-server. The message names the version and the remedy. */
export class UnsupportedNatsServer extends UnusableSetting {
  override readonly name = 'UnsupportedNatsServer';

  /** @param which the setting that points to the server */
  constructor(version: string, which: string) {
    const { oldest } = TESTED_NATS_SERVERS;
    super(`${which} points to nats-server ${version}, which is not supported: upgrade it to ${oldest} or newer.`);
  }
}

/**
 * Rejects a version older than the oldest supported one. Text that is not a version passes: other servers speak the protocol too.
 * @param version from the INFO of a server or its `--version`, with or without a leading `v`
 * @param which the setting that points to the server
 * @throws {UnsupportedNatsServer} when the version is too old
 */
export function requireSupportedNatsServer(version: string, which = 'NATS_URL'): void {
  if (isOlder(version, TESTED_NATS_SERVERS.oldest)) {
    throw new UnsupportedNatsServer(version, which);
  }
}

/** Compares major, minor and patch. A pre-release counts as its release. */
function isOlder(version: string, than: string): boolean {
  const [left, right] = [numbersOf(version), numbersOf(than)];
  if (left === undefined || right === undefined) {
    return false;
  }
  const index = left.findIndex((number, at) => number !== right[at]);
  return index >= 0 && (left[index] ?? 0) < (right[index] ?? 0);
}

const numbersOf = (version: string): readonly number[] | undefined =>
  /^v?(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number);
