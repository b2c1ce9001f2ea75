import type { Channel, ConsumeMessage } from 'amqplib'
import { until } from './until.ts'

/**
 * Takes `count` messages out of a queue, in order, by consuming: with a single active consumer a quorum
 * queue refuses basic.get. What comes beyond them goes back.
 */
export async function take(
  channel: Channel,
  queue: string,
  count: number,
): Promise<readonly ConsumeMessage[]> {
  const taken: ConsumeMessage[] = []
  const { consumerTag } = await channel.consume(queue, (message) => {
    if (message === null) return
    if (taken.length === count) return channel.nack(message)
    taken.push(message)
    channel.ack(message)
  })
  await until(`${count} messages in ${queue}`, () => taken.length === count)
  await channel.cancel(consumerTag)
  return taken
}

/** The ids of the messages that `take` takes. */
export async function takeIds(channel: Channel, queue: string, count: number): Promise<string[]> {
  const taken = await take(channel, queue, count)
  return taken.map(({ properties }) => properties.messageId)
}
