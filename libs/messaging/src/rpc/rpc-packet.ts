import { z } from 'zod';
import { Problem } from '@rookery/contracts';

const PacketId = z.string().regex(/^[A-Za-z0-9._-]{1,128}$/);

/** A request on the wire, in Nest's NATS format. The id is required: Nest treats a packet without id as an event. */
export const RequestPacket = z.object({ pattern: z.string(), data: z.unknown().optional(), id: PacketId });
export type RequestPacket = z.infer<typeof RequestPacket>;

/** A reply on the wire, in Nest's NATS format; `err` is a Problem. `replayed` marks a repetition of the first answer to the idempotency key. */
export const ReplyPacket = z.object({
  id: z.string(),
  err: Problem.optional(),
  response: z.unknown().optional(),
  replayed: z.boolean().optional(),
});
export type ReplyPacket = z.infer<typeof ReplyPacket>;
