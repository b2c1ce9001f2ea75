import { randomUUID } from 'node:crypto'
import { type Channel, type ChannelModel, connect } from 'amqplib'
import type { OutgoingMessage } from '#lib/amqp/message.ts'

/** A persistent, mandatory message with a fresh id. */
export function message(
  exchange: string,
  more: Partial<Omit<OutgoingMessage, 'properties'>> & { messageId?: string } = {},
): OutgoingMessage {
  const { messageId = randomUUID(), ...rest } = more
  return {
    exchange,
    routingKey: '',
    body: Buffer.from(messageId),
    mandatory: true,
    properties: { messageId, deliveryMode: 2, contentType: 'text/plain' },
    ...rest,
  }
}

/** The test's own way to the broker, apart from what is tested. */
export interface Observer {
  readonly channel: Channel
  /** A durable queue bound to a durable fanout exchange. */
  bind(exchange: string, queue: string, args?: Record<string, unknown>): Promise<void>
  depth(queue: string): Promise<number>
  /** Takes all messages out of a queue; their ids in order. */
  ids(queue: string): Promise<string[]>
  close(): Promise<void>
}

export async function observe(amqpUrl: string): Promise<Observer> {
  const connection: ChannelModel = await connect(amqpUrl)
  connection.on('error', () => {}) // A test may take the broker away.
  const channel = await connection.createChannel()
  channel.on('error', () => {})
  return {
    channel,
    bind: async (exchange, queue, args = {}) => {
      await channel.assertExchange(exchange, 'fanout', { durable: true })
      await channel.assertQueue(queue, { durable: true, arguments: args })
      await channel.bindQueue(queue, exchange, '')
    },
    depth: async (queue) => (await channel.checkQueue(queue)).messageCount,
    ids: async (queue) => {
      const ids: string[] = []
      for (;;) {
        const got = await channel.get(queue, { noAck: true })
        if (got === false) return ids
        ids.push(got.properties.messageId)
      }
    },
    close: async () => {
      await connection.close().catch(() => {})
    },
  }
}
