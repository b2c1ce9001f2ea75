import { before } from 'node:test'
import type { Options } from 'amqplib'
import { type Broker, startBroker } from './broker.ts'
import { endOfFile } from './ending.ts'
import { type Observer, observe } from './messages.ts'
import { startRelay } from './relay.ts'
import { until } from './until.ts'

export const REASON = 'refused-by-broker'

export const settingsOf = (name: string) => ({
  AMQP_URL: broker.amqpUrl,
  EXCHANGE: name,
  QUEUE_TOPIC: `${name}.q`,
})

export const stagingOf = (name: string) => `relay.${name}.${name}.q`
export const deadOf = (name: string) => `${stagingOf(name)}.dead`
export const ids = (...messageIds: string[]) => messageIds.map((messageId) => ({ messageId }))

/** Of the file that called `startForFile`. */
export let broker: Broker
export let observer: Observer

/** A broker for the tests of a file; call it at the top level of the file. */
export function startForFile(): void {
  const ending = endOfFile()
  before(async () => {
    broker = await startBroker()
    ending.after(() => broker.dispose())
    observer = await observe(broker.amqpUrl)
    ending.after(() => observer.close())
  })
}

/** A listener whose relay has run once and is stopped. */
export async function stoppedListener(
  t: Parameters<typeof startRelay>[0],
  name: string,
): Promise<void> {
  const relay = await startRelay(t, settingsOf(name))
  await relay.child.stop()
}

interface ParkedMessage extends Options.Publish {
  readonly reason?: string
  readonly key?: string
}

/** Puts messages into the parking queue as the relay does. */
export async function park(name: string, ...messages: readonly ParkedMessage[]): Promise<void> {
  for (const { reason = REASON, key = 'key', headers, ...more } of messages) {
    observer.channel.sendToQueue(deadOf(name), Buffer.from(`body ${more.messageId}`), {
      ...more,
      persistent: true,
      headers: {
        'x-relay-original-exchange': name,
        'x-relay-original-routing-key': key,
        'x-relay-hops': 2,
        'x-relay-reason': reason,
        'x-relay-error': 'it was too much',
        'x-relay-parked-at': Date.now(),
        ...headers,
      },
    })
  }
  await until('parked', async () => (await observer.depth(deadOf(name))) === messages.length)
}
