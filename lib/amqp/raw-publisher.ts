import type { Message } from 'amqplib'
import { type ChannelEnd, closeQuietly, onChannelEnd } from './channel-end.ts'
import type { AmqpConnection } from './connection.ts'
import { carryRawProperties } from './raw-reading.ts'
import { createRawWriter, type RawWriter } from './raw-writing.ts'

/** A message that no queue took. */
export interface Returned {
  readonly replyText: string
  /** Undecoded. A broker that stores messages in another form (4.x) may have encoded them anew. */
  readonly properties: Buffer
  readonly body: Buffer
}

/** A confirm channel for messages with raw properties. */
export interface RawPublisher {
  /**
   * Writes a message, mandatory, and gives its number: 1, 2, … on this channel. Once the channel has
   * ended nothing is written, and onEnd is on its way.
   * @throws {RangeError} when the properties do not fit into a frame; then nothing was written
   */
  publish(exchange: string, routingKey: string, properties: Buffer, body: Buffer): number
  /** False from the moment on at which the channel has ended or was closed. */
  isOpen(): boolean
  /** Ends the channel without waiting; no event comes any more. */
  close(): void
}

/** A message's own return comes before its confirm. */
export interface RawPublisherEvents {
  /** The broker took charge of message `number`, with `multiple` of all up to it. */
  readonly onConfirm: (number: number, multiple: boolean) => void
  /** A queue refused it. */
  readonly onNack: (number: number, multiple: boolean) => void
  readonly onReturn: (message: Returned) => void
  readonly onEnd: (end: ChannelEnd) => void
}

/** Opens a channel; from now on all properties that come in on the connection are raw. */
export async function openRawPublisher(
  connection: AmqpConnection,
  events: RawPublisherEvents,
): Promise<RawPublisher> {
  carryRawProperties(connection)
  const channel = await connection.model.createConfirmChannel()
  let closed = false
  let ended = false
  channel.on('close', () => {
    ended = true
  })
  const unlessClosed =
    <A extends unknown[]>(listener: (...args: A) => void) =>
    (...args: A) => {
      if (!closed) listener(...args)
    }
  onChannelEnd(connection, channel, unlessClosed(events.onEnd))
  const confirm = unlessClosed(events.onConfirm)
  const nack = unlessClosed(events.onNack)
  channel.on('ack', ({ deliveryTag, multiple }) => confirm(deliveryTag, multiple))
  channel.on('nack', ({ deliveryTag, multiple }) => nack(deliveryTag, multiple))
  channel.on(
    'return',
    unlessClosed((message: Message) => events.onReturn(toReturned(message))),
  )
  const writer = createRawWriter(connection, channel)
  return {
    publish: numbering(writer, () => closed || ended),
    isOpen: () => !closed && !ended,
    close: () => {
      if (!closed && !ended) writer.flush()
      closed = true
      closeQuietly(channel)
    },
  }
}

function numbering(writer: RawWriter, isOver: () => boolean): RawPublisher['publish'] {
  let number = 0
  return (exchange, routingKey, properties, body) => {
    // A frame on a channel that is no more would end the connection.
    if (!isOver()) writer.write(exchange, routingKey, properties, body)
    number += 1
    return number
  }
}

function toReturned({ fields, properties, content }: Message): Returned {
  const { replyText } = fields as { readonly replyText?: string }
  return {
    replyText: replyText ?? '',
    properties: properties as unknown as Buffer,
    body: content,
  }
}
