import type { Socket } from 'node:net'
import { type ChannelModel, connect } from 'amqplib'

/** The exchange-to-queue script that Warren succeeds, as it behaves on the wire. */
export interface PredecessorRelay {
  /** The name of its anonymous queue. */
  readonly queue: string
  /** As SIGKILL: its connection goes, and with it the queue and what it holds. */
  kill(): Promise<void>
}

/**
 * Declares and copies as exchange2queue.py does: a transient fanout exchange, an exclusive queue that it
 * reads without acknowledging, and a durable queue that is auto-delete (its `bool('0')` is true). Copies
 * carry the body and nothing else, unconfirmed.
 */
export async function startPredecessorRelay(
  amqpUrl: string,
  exchange: string,
  topic: string,
): Promise<PredecessorRelay> {
  const connection = await connected(amqpUrl)
  const channel = await connection.createChannel()
  await channel.assertExchange(exchange, 'fanout', { durable: false })
  const { queue } = await channel.assertQueue('', { exclusive: true, durable: false })
  await channel.bindQueue(queue, exchange, '')
  await channel.assertQueue(topic, { durable: true, autoDelete: true })
  await channel.consume(
    queue,
    (message) => {
      if (message) channel.sendToQueue(topic, message.content)
    },
    { noAck: true },
  )
  const { stream } = connection.connection as unknown as { readonly stream: Socket }
  return { queue, kill: async () => void stream.resetAndDestroy() }
}

/** Gives one message to the broker. */
export type Send = (id: string) => Promise<void>

/** As the Flask API does: neither confirmed nor mandatory, and without a message id. */
export async function predecessorApi(amqpUrl: string, exchange: string): Promise<Send> {
  const connection = await connected(amqpUrl)
  const channel = await connection.createChannel()
  return async (id) => void channel.publish(exchange, '', Buffer.from(id))
}

async function connected(amqpUrl: string): Promise<ChannelModel> {
  // A connection that is killed would go on watching its heartbeat, and keep the test from ending.
  const connection = await connect(`${amqpUrl}?heartbeat=0`)
  connection.on('error', () => {}) // A test ends it.
  return connection
}
