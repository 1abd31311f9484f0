import { gatewayUrl } from './environment';

/** One Server-Sent Event (WHATWG HTML, section 9.2). */
export interface LiveEvent {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** The live events of an order until the server ends the stream, or `limit` of them. */
export async function liveEvents(
  token: string,
  orderId: string,
  options: { readonly lastEventId?: string; readonly limit?: number } = {},
): Promise<readonly LiveEvent[]> {
  const abort = new AbortController();
  const response = await fetch(new URL(`/v1/orders/${orderId}/events`, gatewayUrl), {
    headers: {
      authorization: `Bearer ${token}`,
      accept: 'text/event-stream',
      ...(options.lastEventId === undefined ? {} : { 'last-event-id': options.lastEventId }),
    },
    signal: AbortSignal.any([abort.signal, AbortSignal.timeout(60_000)]),
  });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);

  const events: LiveEvent[] = [];
  let buffer = '';
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    buffer += chunk;
    const blocks = buffer.split('\n\n');
    buffer = blocks.pop() ?? '';
    for (const block of blocks) {
      const field = (name: string) =>
        block
          .split('\n')
          .filter((line) => line.startsWith(`${name}: `))
          .map((line) => line.slice(name.length + 2))
          .join('\n');
      if (field('event') === '') continue;
      events.push({ id: field('id'), event: field('event'), data: field('data') });
    }
    if (options.limit !== undefined && events.length >= options.limit) {
      abort.abort();
      return events.slice(0, options.limit);
    }
  }
  return events;
}
