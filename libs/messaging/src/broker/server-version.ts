import { UnusableSetting } from '@rookery/platform';

/** The servers that every test runs on: the oldest that is supported and the newest that was tried. */
export const TESTED_NATS_SERVERS = { oldest: '2.9.10', newest: '2.15.1' } as const;

/** The broker runs a nats-server that lacks what the services rely on. The message says which version it is and what to do. */
export class UnsupportedNatsServer extends UnusableSetting {
  override readonly name = 'UnsupportedNatsServer';

  /** `which` names the setting that led to the server. */
  constructor(version: string, which: string) {
    const { oldest } = TESTED_NATS_SERVERS;
    super(
      `${which} leads to nats-server ${version}, older than the oldest that is supported: upgrade it to ${oldest} or newer.`,
    );
  }
}

/**
 * Throws `UnsupportedNatsServer` for a version older than the oldest that is supported. `version` is what a server tells in its INFO
 * or prints for `--version`, with or without a leading `v`; `which` names the setting that led to the server. What is no version at
 * all passes: others speak the protocol too.
 */
export function requireSupportedNatsServer(version: string, which = 'NATS_URL'): void {
  if (isOlder(version, TESTED_NATS_SERVERS.oldest)) throw new UnsupportedNatsServer(version, which);
}

/** Whether a version precedes another by major, minor and patch; a pre-release counts as its release. */
function isOlder(version: string, than: string): boolean {
  const [left, right] = [numbersOf(version), numbersOf(than)];
  if (left === undefined || right === undefined) return false;
  const index = left.findIndex((number, at) => number !== right[at]);
  return index >= 0 && (left[index] ?? 0) < (right[index] ?? 0);
}

const numbersOf = (version: string): readonly number[] | undefined =>
  /^v?(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number);
