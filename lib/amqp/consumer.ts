import type { ConsumeMessage, Message } from 'amqplib'
import { type ChannelEnd, onChannelEnd } from './channel-end.ts'
import type { AmqpConnection } from './connection.ts'
import { numberOf } from './raw-frames.ts'
import { carryRawProperties, type Reading } from './raw-reading.ts'

/** A message from a queue, to be acknowledged. */
export interface Delivery {
  readonly deliveryTag: number
  readonly redelivered: boolean
  /** Where it was published. */
  readonly exchange: string
  /** It need not be UTF-8: see raw-text.ts. */
  readonly routingKey: string
  /** Undecoded: see raw-properties.ts. */
  readonly properties: Buffer
  readonly body: Buffer
}

/**
 * Consumes one queue on a channel of its own; every delivery must be acknowledged. It has no mere
 * `cancel`: what is on its way at a basic.cancel goes back into a quorum queue in no order at all, while the end
 * of the channel gives all that it held back in order (measured, RabbitMQ 3.10.8).
 */
export interface Consumer {
  /** Acknowledges all deliveries up to and including this one. */
  ackUpTo(deliveryTag: number): void
  /** Acknowledges this delivery alone. */
  ack(deliveryTag: number): void
  /** Hands this delivery to the queue's dead-letter exchange. */
  deadLetter(deliveryTag: number): void
  /**
   * Takes up to `count` at a time from now on, where it took one. To be called while that one is
   * unacknowledged: so nothing can be on its way. The new consumer stands in line before the old one
   * leaves; another replica that waits takes over at most once.
   */
  widen(count: number): Promise<void>
  /** Stops and goes on reading the whole connection, so that the broker waits. */
  readonly reading: Reading
  /**
   * Takes no more, and resolves once the queue has all acks. To be called when nothing is on its way.
   * A channel has only 32 acks under way to a quorum queue; with its end it forgets those behind them,
   * and what they acknowledged comes again (measured, RabbitMQ 3.10.8: up to 400 of 6,000).
   */
  settle(): Promise<void>
  /** Ends the channel; what is unacknowledged goes back to the queue. */
  close(): Promise<void>
}

export interface ConsumerOptions {
  readonly connection: AmqpConnection
  readonly queue: string
  readonly prefetch: number
  readonly onDelivery: (delivery: Delivery) => void
  /** The broker ended the consumer: the queue was deleted, or its node went away. */
  readonly onCancelled: () => void
  readonly onEnd: (end: ChannelEnd) => void
}

/** Resolves once the broker has accepted the consumer. */
export async function openConsumer(options: ConsumerOptions): Promise<Consumer> {
  const { connection, queue, onDelivery, onCancelled, onEnd } = options
  const reading = carryRawProperties(connection)
  const channel = await connection.model.createChannel()
  const number = numberOf(channel)
  reading.shortcut(number, onDelivery)
  channel.on('close', () => reading.noShortcut(number))
  onChannelEnd(connection, channel, onEnd)
  const receive = (message: ConsumeMessage | null) => {
    if (message === null) onCancelled()
    else onDelivery(toDelivery(message, reading.routingKeyOf(number)))
  }
  const start = async (prefetch: number) => {
    await channel.prefetch(prefetch)
    return (await channel.consume(queue, receive)).consumerTag
  }
  let consumerTag = await start(options.prefetch)
  return {
    reading,
    widen: async (count) => {
      const first = consumerTag
      consumerTag = await start(count)
      await channel.cancel(first)
    },
    settle: async () => {
      await channel.cancel(consumerTag) // It goes to the queue behind the acks, and is answered.
    },
    ackUpTo: (deliveryTag) => channel.ack(tagged(deliveryTag), true),
    ack: (deliveryTag) => channel.ack(tagged(deliveryTag)),
    deadLetter: (deliveryTag) => channel.nack(tagged(deliveryTag), false, false),
    close: () => {
      reading.noShortcut(number) // amqplib drops what still comes.
      return channel.close()
    },
  }
}

/** amqplib looks at the tag only. */
const tagged = (deliveryTag: number) => ({ fields: { deliveryTag } }) as Message

function toDelivery(
  { fields, properties, content }: ConsumeMessage,
  routingKey = fields.routingKey,
): Delivery {
  return {
    deliveryTag: fields.deliveryTag,
    redelivered: fields.redelivered,
    exchange: fields.exchange,
    routingKey,
    properties: properties as unknown as Buffer,
    body: content,
  }
}
