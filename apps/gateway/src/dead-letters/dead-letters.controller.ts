import { Controller, Delete, Get, Header, Param, Post, Query } from '@nestjs/common';
import { ApiParam, ApiQuery, ApiTags } from '@nestjs/swagger';
import {
  DeadLetterConsumers,
  DeadLetterDetail,
  DeadLetterId,
  DeadLetterPage,
  DeadLetterReplay,
  DeadLetterRpc,
  ListDeadLetters,
  partsOfDeadLetterId,
} from '@rookery/contracts';
import { RpcClient } from '@rookery/messaging';
import { Cursors, type Position } from '@rookery/platform';
import { accessOf, Exposes } from '../openapi/exposes.decorator';
import { pageLimitSchema } from '../openapi/parameters';

const NO_STORE = 'private, no-store';

const id = { name: 'id', description: 'Id of the dead letter, for example orders-17' } as const;

/** The requests are the same at each service; the id says whose letter it is. */
const requestsFor = (letterId: string) => DeadLetterRpc[partsOfDeadLetterId(letterId).consumer];

@ApiTags('Operations')
@Controller('v1/ops/dead-letters')
export class DeadLettersController {
  constructor(
    private readonly rpc: RpcClient,
    private readonly cursors: Cursors,
  ) {}

  @Get()
  @Header('cache-control', NO_STORE)
  @Exposes({
    summary: 'List dead letters',
    description:
      'Events that a service could not handle, by service and oldest first. 503 when one of the services does not answer: a part would look like the whole.',
    access: accessOf(DeadLetterRpc.orders.list),
    success: { status: 200, description: 'A page of dead letters', schema: DeadLetterPage, headers: ['Cache-Control'] },
  })
  @ApiQuery({ name: 'limit', required: false, description: 'Items per page', schema: pageLimitSchema })
  async list(@Query({ schema: ListDeadLetters }) query: ListDeadLetters): Promise<DeadLetterPage> {
    const { limit } = query;
    const lists = await Promise.all(
      sourcesOf(query, this.cursors.positionOf(query)).map(({ consumer, after }) =>
        // One more than the page holds tells whether there is another page.
        this.rpc.call(DeadLetterRpc[consumer].list, { after, limit: limit + 1 }),
      ),
    );
    const found = lists.flatMap(({ items }) => items);
    const { rows, nextCursor } = this.cursors.page(found, query, ({ id }) => ({ value: '', id }));
    return { items: [...rows], nextCursor };
  }

  @Get(':id')
  @Header('cache-control', NO_STORE)
  @Exposes({
    summary: 'Read a dead letter',
    description: 'With the data of its event; tokens and passwords are blacked out.',
    access: accessOf(DeadLetterRpc.orders.show),
    success: { status: 200, description: 'The dead letter', schema: DeadLetterDetail, headers: ['Cache-Control'] },
    problems: [404],
  })
  @ApiParam(id)
  show(@Param('id', { schema: DeadLetterId }) letterId: string): Promise<DeadLetterDetail> {
    return this.rpc.call(requestsFor(letterId).show, { id: letterId });
  }

  @Post(':id/replays')
  @Exposes({
    summary: 'Replay a dead letter',
    description:
      'Handles the event once more under the same id: what took effect before does nothing. A letter that was handled is gone afterwards; one that failed again stays. Audited.',
    keyed: DeadLetterRpc.orders.replay,
    success: { status: 200, description: 'What came of it', schema: DeadLetterReplay },
    problems: [404, 413, 415],
  })
  @ApiParam(id)
  replay(@Param('id', { schema: DeadLetterId }) letterId: string): Promise<DeadLetterReplay> {
    return this.rpc.call(requestsFor(letterId).replay, { id: letterId });
  }

  @Delete(':id')
  @Exposes({
    summary: 'Discard a dead letter',
    description: 'Deletes it unhandled. Audited.',
    access: accessOf(DeadLetterRpc.orders.discard),
    success: { status: 204, description: 'It is gone' },
    problems: [404, 413, 415],
  })
  @ApiParam(id)
  async discard(@Param('id', { schema: DeadLetterId }) letterId: string): Promise<void> {
    await this.rpc.call(requestsFor(letterId).discard, { id: letterId });
  }
}

/** Which services are asked, and from where on: the last letter of the page before names its service and its place there. */
function sourcesOf({ consumer }: ListDeadLetters, position: Position | null) {
  const wanted = consumer === undefined ? DeadLetterConsumers : [consumer];
  if (position === null) return wanted.map((name) => ({ consumer: name, after: 0 }));
  const last = partsOfDeadLetterId(position.id);
  return wanted
    .slice(wanted.indexOf(last.consumer))
    .map((name) => ({ consumer: name, after: name === last.consumer ? last.position : 0 }));
}
