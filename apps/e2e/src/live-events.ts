import { eventsIn, type LiveEvent, openLiveEvents } from '@rookery/devkit/client/live-events';
import { gatewayUrl } from './environment';

/** The live events of an order until the server ends the stream, or `limit` of them. */
export async function liveEvents(
  token: string,
  orderId: string,
  { lastEventId, limit }: { readonly lastEventId?: string; readonly limit?: number } = {},
): Promise<readonly LiveEvent[]> {
  const abort = new AbortController();
  const response = await openLiveEvents(gatewayUrl, token, orderId, {
    signal: AbortSignal.any([abort.signal, AbortSignal.timeout(60_000)]),
    ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
  });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  const events: LiveEvent[] = [];
  for await (const event of eventsIn(response)) {
    events.push(event);
    if (events.length === limit) {
      break;
    }
  }
  abort.abort();
  return events;
}
