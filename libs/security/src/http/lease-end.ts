import { logger, type AccessLease } from '@rookery/platform';

/** How often a token is checked again while an answer to it stays open. The verifier remembers a good one for as long. */
const RECHECK_MS = 30_000;

/**
 * Aborts when the token behind an open answer expires, and within 30 s when a new request with it would be refused: an answer that
 * stays open is given nothing that a new request would not be given. Stops looking when `closed` aborts.
 */
export function leaseEnd(lease: AccessLease, closed: AbortSignal, recheckMs = RECHECK_MS): AbortSignal {
  const end = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    if (closed.aborted) return;
    // Never longer than one check: a timer of more than 24 days would fire at once.
    timer = setTimeout(look, Math.max(0, Math.min(recheckMs, lease.expiresAtMs - Date.now())));
  };
  const look = (): void => {
    isOver(lease).then(
      (over) => (over ? end.abort() : wait()),
      (error: unknown) => {
        logger.error({ err: error }, 'could not check the token of an open answer');
        end.abort();
      },
    );
  };
  closed.addEventListener('abort', () => clearTimeout(timer), { once: true });
  if (hasExpired(lease)) end.abort();
  else wait();
  return end.signal;
}

/** Whether the token's own time is over. Without the tolerance that new requests have: an open answer ends exactly then. */
export const hasExpired = ({ expiresAtMs }: AccessLease): boolean => Date.now() >= expiresAtMs;

async function isOver(lease: AccessLease): Promise<boolean> {
  return hasExpired(lease) || !(await lease.holds());
}
