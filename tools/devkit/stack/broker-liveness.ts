import { isOk } from './is-ok';

/**
 * Whether a single nats-server can do its work, by its monitoring address. Plain `/healthz` also looks at every stream, and is 503 from the
 * first failed write on (2.14 and newer; its forms with `js-…` stay 200). 2.9 hangs when its disk is full and stays healthy by its own
 * word: there `/jsz` gives no answer. A server that is not live is killed and started again; one of a cluster is not, for its streams
 * may be unwell for another one's sake.
 */
export async function brokerIsLive(monitoring: string): Promise<boolean> {
  const answers = await Promise.all(['/healthz', '/jsz'].map((path) => isOk(`${monitoring}${path}`)));
  return !answers.includes(false);
}
