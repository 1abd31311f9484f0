/** One Server-Sent Event (WHATWG HTML, section 9.2). */
export interface LiveEvent {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** Opens the live events of an order. */
export const openLiveEvents = (
  gateway: string,
  token: string,
  orderId: string,
  { signal, ...headers }: { readonly signal: AbortSignal; readonly 'last-event-id'?: string },
): Promise<Response> =>
  fetch(new URL(`/v1/orders/${orderId}/events`, gateway), {
    headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream', ...headers },
    signal,
  });

/** The events of a stream until the server ends it, without its heartbeats. */
export async function* eventsIn({ body }: Response): AsyncGenerator<LiveEvent> {
  let buffer = '';
  for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    buffer += chunk;
    const blocks = buffer.split('\n\n');
    buffer = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = { id: field(block, 'id'), event: field(block, 'event'), data: field(block, 'data') };
      if (event.event !== '') {
        yield event;
      }
    }
  }
}

const field = (block: string, name: string): string =>
  block
    .split('\n')
    .filter((line) => line.startsWith(`${name}: `))
    .map((line) => line.slice(name.length + 2))
    .join('\n');
