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
    if (message) taken.push(message)
  })
  await until(`${count} messages in ${queue}`, () => taken.length >= count)
  await channel.cancel(consumerTag)
  for (const [index, message] of taken.entries()) {
    if (index < count) channel.ack(message)
    else channel.nack(message)
  }
  return taken.slice(0, count)
}

/** The ids of the messages that `take` takes. */
export async function takeIds(channel: Channel, queue: string, count: number): Promise<string[]> {
  const taken = await take(channel, queue, count)
  return taken.map(({ properties }) => properties.messageId)
}
