import { Controller, Inject, type Type } from '@nestjs/common';
import {
  type DeadLetterConsumer,
  type DeadLetterDetail,
  type DeadLetterReplay,
  DeadLetterRpc,
  type RequestOf,
} from '@rookery/contracts';
import { Idempotency, type KeyedAnswer, keyedRequest } from '@rookery/platform';
import { RpcHandler } from '../rpc/rpc-handler';
import { DeadLetters } from './dead-letters';

type Requests = (typeof DeadLetterRpc)[DeadLetterConsumer];

/** Serves requests about one service's dead letters. Each service gets its own class, because the subjects differ. */
export function deadLettersController(consumer: DeadLetterConsumer): Type<object> {
  const { list, show, replay, discard } = DeadLetterRpc[consumer];

  @Controller()
  class DeadLettersController {
    constructor(
      @Inject(DeadLetters) private readonly letters: DeadLetters,
      @Inject(Idempotency) private readonly idempotency: Idempotency,
    ) {}

    @RpcHandler(list)
    async list({ after, limit }: RequestOf<Requests['list']>) {
      return { items: await this.letters.list(after, limit) };
    }

    @RpcHandler(show)
    show({ id }: RequestOf<Requests['show']>): Promise<DeadLetterDetail> {
      return this.letters.show(id);
    }

    @RpcHandler(replay)
    replay(request: RequestOf<Requests['replay']>): Promise<KeyedAnswer<DeadLetterReplay>> {
      return this.idempotency.act(keyedRequest(replay, request), () => this.letters.replay(request.id));
    }

    @RpcHandler(discard)
    async discard({ id }: RequestOf<Requests['discard']>): Promise<object> {
      await this.letters.discard(id);
      return {};
    }
  }
  return DeadLettersController;
}
