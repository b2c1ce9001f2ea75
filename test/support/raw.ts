import { openConnection } from '#lib/amqp/connection.ts'
import { type Delivery, openConsumer } from '#lib/amqp/consumer.ts'
import { openRawPublisher } from '#lib/amqp/raw-publisher.ts'
import { deadlineIn } from '#lib/deadline.ts'
import type { Ending } from './ending.ts'
import { until } from './until.ts'

/** Messages as they are on the wire, out and in. */
export interface Raw {
  publish(exchange: string, routingKey: string, properties: Buffer, body: Buffer): void
  /** Takes `count` messages out of a queue, in order. */
  take(queue: string, count: number): Promise<Delivery[]>
}

/** Opens a connection for it that ends with the test. */
export async function openRaw(ending: Ending, url: string): Promise<Raw> {
  const deadline = deadlineIn(5000)
  const options = { url, connectionName: 'test', heartbeatS: 20, deadline }
  const connection = await openConnection(options)
  ending.after(() => connection.close(1000))
  const publisher = await openRawPublisher(connection, {
    onConfirm: () => {},
    onNack: () => {},
    onReturn: () => {},
    onEnd: () => {},
  })
  return {
    publish: publisher.publish,
    take: async (queue, count) => {
      const deliveries: Delivery[] = []
      const consumer = await openConsumer({
        connection,
        queue,
        prefetch: count,
        onDelivery: (delivery) => deliveries.push(delivery),
        onCancelled: () => {},
        onEnd: () => {},
      })
      await until(`${count} messages in ${queue}`, () => deliveries.length >= count)
      consumer.ackUpTo((deliveries.at(-1) as Delivery).deliveryTag)
      await consumer.close()
      return deliveries
    },
  }
}

/** A table's entry with any type tag. */
export function rawEntry(name: string, tag: string, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name + tag), value])
}

/** A table of such entries. */
export function rawTable(...entries: readonly Buffer[]): Buffer {
  const length = Buffer.alloc(4)
  const content = Buffer.concat(entries)
  length.writeUInt32BE(content.length)
  return Buffer.concat([length, content])
}

/** A long string or array, table or bytes: content with its length. */
export function sized(content: Buffer | string): Buffer {
  const bytes = Buffer.from(content)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}
