import { type AccessLease, logger } from '@rookery/platform';

/** Interval at which a token is verified again while its response stays open. The verifier caches a valid token for as long. */
const RECHECK_MS = 30_000;

/**
 * Aborts when the token of an open response expires, and within 30 s when a new request with it would be rejected: an open response
 * receives nothing that a new request would not receive. Stops checking when `closed` aborts.
 * @param recheckMs interval of the checks, milliseconds
 */
export function leaseEnd(lease: AccessLease, closed: AbortSignal, recheckMs = RECHECK_MS): AbortSignal {
  const end = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    if (closed.aborted) {
      return;
    }
    // Never longer than one interval: a timer of more than 24 days would fire immediately.
    timer = setTimeout(check, Math.max(0, Math.min(recheckMs, lease.expiresAtMs - Date.now())));
  };
  const check = (): void => {
    isOver(lease).then(
      (over) => (over ? end.abort() : wait()),
      (error: unknown) => {
        logger.error({ err: error }, 'could not verify the token of an open response');
        end.abort();
      },
    );
  };
  closed.addEventListener('abort', () => clearTimeout(timer), { once: true });
  if (hasExpired(lease)) {
    end.abort();
  } else {
    wait();
  }
  return end.signal;
}

/** Whether the token has expired. Without the clock tolerance of new requests: an open response ends exactly at the expiry. */
export const hasExpired = ({ expiresAtMs }: AccessLease): boolean => Date.now() >= expiresAtMs;

async function isOver(lease: AccessLease): Promise<boolean> {
  return hasExpired(lease) || !(await lease.holds());
}
