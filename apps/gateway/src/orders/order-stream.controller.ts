import { Controller, Headers, type MessageEvent, Param, Sse, SseSignal } from '@nestjs/common';
import { ApiHeader, ApiTags } from '@nestjs/swagger';
import { from, type Observable } from 'rxjs';
import { Id, OrdersRpc } from '@rookery/contracts';
import { type AccessLease, type Actor, InvalidInput } from '@rookery/platform';
import { CurrentActor, CurrentLease } from '@rookery/security';
import { accessOf, Exposes } from '../openapi/exposes.decorator';
import { OrderStreams } from './order-streams';

const POSITION = /^[0-9]{1,15}$/;

@ApiTags('Orders')
@Controller('v1/orders')
export class OrderStreamController {
  constructor(private readonly streams: OrderStreams) {}

  @Sse(':id/events')
  @Exposes({
    summary: 'Follow an order live',
    description:
      'Server-Sent Events: one event per step of the timeline, named after the step, with its position as the id. The last event is `end` with the final status of the order. The stream also ends when the access token expires. To resume it after that or after a lost connection, send Last-Event-ID, with a new token if the old one has expired.',
    access: accessOf(OrdersRpc.timeline),
    success: {
      status: 200,
      description: 'The steps of the order in real time',
      mediaType: 'text/event-stream',
      headers: ['Cache-Control'],
    },
    problems: [404],
  })
  @ApiHeader({
    name: 'Last-Event-ID',
    required: false,
    description: 'Position of the last step that the client has received',
    schema: { type: 'integer', minimum: 0 },
  })
  async follow(
    @Param('id', { schema: Id }) orderId: string,
    @Headers('last-event-id') lastEventId: string | undefined,
    @CurrentActor() actor: Actor,
    @CurrentLease() lease: AccessLease,
    @SseSignal() signal: AbortSignal,
  ): Promise<Observable<MessageEvent>> {
    const after = positionOf(lastEventId);
    return from(await this.streams.open({ orderId, after, actor, lease, signal }));
  }
}

function positionOf(lastEventId: string | undefined): number {
  // An EventSource without a last id sends no header, or an empty one.
  if (lastEventId === undefined || lastEventId === '') {
    return 0;
  }
  if (!POSITION.test(lastEventId)) {
    throw new InvalidInput([
      { pointer: '#/header/Last-Event-ID', detail: 'must be the id of an event of this stream' },
    ]);
  }
  return Number(lastEventId);
}
