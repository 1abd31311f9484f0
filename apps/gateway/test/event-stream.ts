/** One event, or a comment, of a `text/event-stream`. */
export interface StreamPart {
  readonly event?: string;
  readonly id?: string;
  readonly data?: string;
  readonly retry?: string;
  readonly comment?: string;
}

/** Reads an event stream incrementally, as in the HTML standard (9.2.6). */
export class EventStreamReader {
  readonly parts: StreamPart[] = [];
  /** Resolves when the server has ended the stream. */
  readonly ended: Promise<void>;

  constructor(response: Response) {
    this.ended = this.read(response);
  }

  /** Only the events, as passed to a client's listeners. */
  get events(): readonly StreamPart[] {
    return this.parts.filter((part) => part.data !== undefined);
  }

  get comments(): readonly string[] {
    return this.parts.flatMap((part) => part.comment ?? []);
  }

  private async read(response: Response): Promise<void> {
    if (response.body === null) {
      return;
    }
    let rest = '';
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop() ?? '';
      this.parts.push(...blocks.map(parsePart));
    }
  }
}

function parsePart(block: string): StreamPart {
  const fields = block
    .split('\n')
    .filter((line) => line !== '')
    .map((line): [string, string] => {
      const [name = '', ...value] = line.split(':');
      return [name === '' ? 'comment' : name, value.join(':').trimStart()];
    });
  return Object.fromEntries(fields);
}
