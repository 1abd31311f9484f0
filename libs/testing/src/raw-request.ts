import { connect } from 'node:net';

/** A response as received. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

/** Sends exactly these bytes and reads until the server closes the connection, for at most five seconds. */
export async function rawRequest(url: string, text: string): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect({ host: hostname, port: Number(port) });
  let received = '';
  socket.setEncoding('utf8').setTimeout(5_000);
  socket.on('data', (data: string) => (received += data));
  socket.on('close', () => resolve(received));
  socket.on('timeout', () => socket.destroy());
  socket.on('error', (error) => (received === '' ? reject(error) : resolve(received)));
  socket.write(text);
  const answer = await promise;
  const [headers = '', ...body] = answer.split('\r\n\r\n');
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(headers)?.[1]), headers, body: body.join('\r\n\r\n') };
}
