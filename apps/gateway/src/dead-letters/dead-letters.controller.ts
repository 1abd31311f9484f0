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

/** Every service has the same requests; the id names the service. */
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
      'Events that a service could not handle, by service and oldest first. 503 if one of the services does not respond, because an incomplete list would look complete.',
    access: accessOf(DeadLetterRpc.orders.list),
    success: { status: 200, description: 'A page of dead letters', schema: DeadLetterPage, headers: ['Cache-Control'] },
  })
  @ApiQuery({ name: 'limit', required: false, description: 'Items per page', schema: pageLimitSchema })
  async list(@Query({ schema: ListDeadLetters }) query: ListDeadLetters): Promise<DeadLetterPage> {
    const { limit } = query;
    const lists = await Promise.all(
      sourcesOf(query, this.cursors.positionOf(query)).map(({ consumer, after }) =>
        // One item more than the page holds shows whether there is another page.
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
    description: 'Includes the data of its event; tokens and passwords are redacted.',
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
      'Delivers the event again under the same id, so an event that has already taken effect has no further effect. The dead letter is removed if it was handled and stays if it failed again. Audited.',
    keyed: DeadLetterRpc.orders.replay,
    success: { status: 200, description: 'The outcome of the replay', schema: DeadLetterReplay },
    problems: [404, 413, 415],
  })
  @ApiParam(id)
  replay(@Param('id', { schema: DeadLetterId }) letterId: string): Promise<DeadLetterReplay> {
    return this.rpc.call(requestsFor(letterId).replay, { id: letterId });
  }

  @Delete(':id')
  @Exposes({
    summary: 'Discard a dead letter',
    description: 'Deletes the dead letter without handling it. Audited.',
    access: accessOf(DeadLetterRpc.orders.discard),
    success: { status: 204, description: 'The dead letter is deleted' },
    problems: [404, 413, 415],
  })
  @ApiParam(id)
  async discard(@Param('id', { schema: DeadLetterId }) letterId: string): Promise<void> {
    await this.rpc.call(requestsFor(letterId).discard, { id: letterId });
  }
}

/** The services to ask, and the start position in each: the last letter of the previous page names its service and position. */
function sourcesOf({ consumer }: ListDeadLetters, position: Position | null) {
  const wanted = consumer === undefined ? DeadLetterConsumers : [consumer];
  if (position === null) {
    return wanted.map((name) => ({ consumer: name, after: 0 }));
  }
  const last = partsOfDeadLetterId(position.id);
  return wanted
    .slice(wanted.indexOf(last.consumer))
    .map((name) => ({ consumer: name, after: name === last.consumer ? last.position : 0 }));
}
