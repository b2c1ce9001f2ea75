import type { Socket } from 'node:net'
import type { AmqpConnection } from './connection.ts'

/** The parts of amqplib 2.3.1's connection that its types do not show. */
export interface Internals {
  readonly stream: Socket
  readonly frameMax: number
  /** What was read and not parsed yet; begins with a frame. */
  rest: Buffer
  /** For the heartbeat: whether bytes came in since its last look. */
  recvSinceLastCheck: boolean
  /** The next frame, decoded; false: wait for more bytes. Calls itself after a read. */
  recvFrame(): unknown
  /** Writes to the socket and notes for the heartbeat that it did. */
  sendBytes(bytes: Buffer): void
}

export const internalsOf = ({ model }: AmqpConnection) => model.connection as unknown as Internals

/** The number of a channel of amqplib's. */
export const numberOf = (channel: unknown): number => (channel as { readonly ch: number }).ch

// AMQP 0-9-1, 2.3.5 and 4.2: a frame is a type, a channel, a size, that many bytes and an end.
export const FRAME_METHOD = 1
export const FRAME_HEADER = 2
export const FRAME_BODY = 3
export const FRAME_END = 0xce
/** Type, channel and size. */
export const HEAD_BYTES = 7
/** Where a frame has its channel and its size. */
export const CHANNEL_AT = 1
export const SIZE_AT = 3
export const FRAME_OVERHEAD = HEAD_BYTES + 1
/** Of a content header before its properties: class, weight, body size. */
export const CONTENT_HEADER_BYTES = 12
export const CLASS_BASIC = 60
export const METHOD_PUBLISH = 40
export const METHOD_DELIVER = 60
