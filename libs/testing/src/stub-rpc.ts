import { z } from 'zod';
import type { RpcContract } from '@rookery/contracts';
import { toProblem } from '@rookery/platform';
import type { TestBroker } from './test-broker';

const Packet = z.object({ id: z.string(), data: z.unknown() });

/** A stub of one request of another service. */
export interface RpcStub<Request> {
  /** Requests so far, oldest first. */
  readonly requests: readonly Request[];
  stop(): Promise<void>;
}

/**
 * Answers a contract instead of its service: with the result of the handler, or with the Problem that it throws. Request and response
 * must satisfy the contract; otherwise a spec could pass with the stub and fail with the real service.
 */
export async function stubRpc<Request extends z.ZodType, Response extends z.ZodType>(
  broker: TestBroker,
  contract: RpcContract<Request, Response>,
  handler: (request: z.output<Request>) => z.input<Response> | Promise<z.input<Response>>,
): Promise<RpcStub<z.output<Request>>> {
  const requests: z.output<Request>[] = [];
  const { connection } = await broker.connect(contract.service);
  const answer = async (data: unknown): Promise<object> => {
    try {
      const request = contract.request.parse(data);
      requests.push(request);
      return { response: contract.response.parse(await handler(request)) };
    } catch (error) {
      return { err: toProblem(error) };
    }
  };
  const subscription = connection.subscribe(contract.subject, {
    queue: contract.service,
    callback: (_error, message) => {
      const { id, data } = Packet.parse(message.json());
      void answer(data).then((result) => message.respond(JSON.stringify({ ...result, isDisposed: true, id })));
    },
  });
  await connection.flush();
  return { requests, stop: () => subscription.drain() };
}
