import {
  DeadLetterRpc,
  type DeadLetterConsumer,
  type DeadLetterDetail,
  type DeadLetterReplay,
} from '@rookery/contracts';
import { Idempotency, keyedRequest, type KeyedAnswer } from '@rookery/platform';
import { Controller, Inject, type Type } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import type { z } from 'zod';
import { DeadLetters } from './dead-letters';
import { RpcHandler } from '../rpc/rpc-handler';

type Requests = (typeof DeadLetterRpc)[DeadLetterConsumer];
type Asked<Name extends keyof Requests> = z.output<Requests[Name]['request']>;

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
    async list(@Payload({ schema: list.request }) { after, limit }: Asked<'list'>) {
      return { items: await this.letters.list(after, limit) };
    }

    @RpcHandler(show)
    show(@Payload({ schema: show.request }) { id }: Asked<'show'>): Promise<DeadLetterDetail> {
      return this.letters.show(id);
    }

    @RpcHandler(replay)
    replay(@Payload({ schema: replay.request }) request: Asked<'replay'>): Promise<KeyedAnswer<DeadLetterReplay>> {
      return this.idempotency.act(keyedRequest(replay, request), () => this.letters.replay(request.id));
    }

    @RpcHandler(discard)
    async discard(@Payload({ schema: discard.request }) { id }: Asked<'discard'>): Promise<object> {
      await this.letters.discard(id);
      return {};
    }
  }
  return DeadLettersController;
}
