import { within } from '#lib/within.ts'
import { closeQuietly } from './channel-end.ts'
import type { AmqpConnection } from './connection.ts'

/** A direct, durable exchange without bindings; the relays declare it, the publisher never does. */
export const CANARY_EXCHANGE = 'warren.canary'

/** `absent`: the exchange is not there (or not ours to use), so nothing was learnt. */
export type CanaryVerdict = 'free' | 'blocked' | 'absent'

/** A broker under alarm says `blocked` at once; a confirm may overtake it by this much. */
const LISTEN_MS = 150
const ANSWER_MS = 700

/**
 * Finds out on a fresh connection whether the broker is under alarm, with a message that nobody gets.
 * One byte, since an empty message is confirmed even under alarm (measured, RabbitMQ 3.10).
 * @throws {Error} no answer in time: the connection is of no use
 */
export async function askCanary(connection: AmqpConnection): Promise<CanaryVerdict> {
  const listening = new Promise((resolve) => setTimeout(resolve, LISTEN_MS))
  const blocked = new Promise<'blocked'>((resolve) => {
    connection.onBlocked(() => resolve('blocked'))
  })
  const answered = sing(connection)
  const late = () => new Error('the broker did not answer the canary')
  const verdict = await within(Promise.race([blocked, answered]), ANSWER_MS, late)
  await Promise.race([blocked, listening])
  return connection.isBlocked() ? 'blocked' : verdict
}

async function sing(connection: AmqpConnection): Promise<'free' | 'absent'> {
  const channel = await connection.model.createConfirmChannel()
  const verdict = await new Promise<'free' | 'absent'>((resolve) => {
    channel.on('close', () => resolve('absent'))
    channel.publish(CANARY_EXCHANGE, '', Buffer.from('.'), { deliveryMode: 1 }, (error) => {
      if (!error) resolve('free')
    })
  })
  closeQuietly(channel)
  return verdict
}
