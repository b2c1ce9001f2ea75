import type { ConsumeMessage, Message } from 'amqplib'
import { type ChannelEnd, onChannelEnd } from './channel-end.ts'
import type { AmqpConnection } from './connection.ts'
import { carryRawProperties, type Reading } from './raw-frames.ts'

/** A message from a queue, to be acknowledged. */
export interface Delivery {
  readonly deliveryTag: number
  readonly redelivered: boolean
  /** Where it was published. */
  readonly exchange: string
  readonly routingKey: string
  /** Undecoded: see raw-properties.ts. */
  readonly properties: Buffer
  readonly body: Buffer
}

/** Consumes one queue on a channel of its own; every delivery must be acknowledged. */
export interface Consumer {
  /** Acknowledges all deliveries up to and including this one. */
  ackUpTo(deliveryTag: number): void
  /** Hands this delivery to the queue's dead-letter exchange. */
  deadLetter(deliveryTag: number): void
  /**
   * Changes how many deliveries may be unacknowledged. The new consumer stands in line before the old
   * one leaves, so with a single active consumer another replica takes over at most once.
   */
  setPrefetch(count: number): Promise<void>
  /** Takes no more deliveries; those in hand can still be acknowledged. */
  cancel(): Promise<void>
  /** Stops and goes on reading the whole connection, so that the broker waits. */
  readonly reading: Reading
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
  onChannelEnd(connection, channel, onEnd)
  const receive = (message: ConsumeMessage | null) => {
    if (message === null) onCancelled()
    else onDelivery(toDelivery(message))
  }
  const start = async (prefetch: number) => {
    await channel.prefetch(prefetch)
    return (await channel.consume(queue, receive)).consumerTag
  }
  let tag = await start(options.prefetch)
  let changing = Promise.resolve()
  const replace = async (count: number) => {
    const before = tag
    tag = await start(count)
    await channel.cancel(before)
  }
  return {
    reading,
    ackUpTo: (deliveryTag) => channel.ack(tagged(deliveryTag), true),
    deadLetter: (deliveryTag) => channel.nack(tagged(deliveryTag), false, false),
    setPrefetch: (count) => {
      changing = replace(count)
      return changing
    },
    cancel: async () => {
      await changing
      await channel.cancel(tag)
    },
    close: () => channel.close(),
  }
}

/** amqplib looks at the tag only. */
const tagged = (deliveryTag: number) => ({ fields: { deliveryTag } }) as Message

function toDelivery({ fields, properties, content }: ConsumeMessage): Delivery {
  return {
    deliveryTag: fields.deliveryTag,
    redelivered: fields.redelivered,
    exchange: fields.exchange,
    routingKey: fields.routingKey,
    properties: properties as unknown as Buffer,
    body: content,
  }
}
