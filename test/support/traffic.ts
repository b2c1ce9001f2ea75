import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'amqplib'
import type { Send } from './predecessor.ts'
import { until } from './until.ts'

/** A program that publishes all the time, and knows what it has published. */
export interface Emitter {
  /** How many it has published: the ids are `0`, `1`, … */
  readonly sent: number
  /** Publishes this way from the next message on; resolves once the last of the old way is out. */
  switchTo(send: Send): Promise<void>
  /** Waits until it has published so many more. */
  goOn(count: number): Promise<void>
  stop(): Promise<number>
}

const EVERY_MS = 5

export function startEmitter(first: Send): Emitter {
  let send = first
  let sent = 0
  let stopped = false
  let turn = Promise.resolve()
  const running = (async () => {
    while (!stopped) {
      turn = send(String(sent))
      await turn
      sent += 1
      await sleep(EVERY_MS)
    }
  })()
  return {
    get sent() {
      return sent
    },
    switchTo: async (next) => {
      send = next
      await turn
    },
    goOn: async (count) => {
      const goal = sent + count
      await until(`${goal} published`, () => sent >= goal, 120_000)
    },
    stop: async () => {
      stopped = true
      await running
      return sent
    },
  }
}

/** As an AMQP program should: with an id, persistent, confirmed. */
export async function confirmedSend(amqpUrl: string, exchange: string): Promise<Send> {
  const connection = await connect(amqpUrl)
  connection.on('error', () => {}) // A test may take the broker away.
  const channel = await connection.createConfirmChannel()
  return async (messageId) => {
    channel.publish(exchange, '', Buffer.from(messageId), { messageId, persistent: true })
    await channel.waitForConfirms()
  }
}

/** What consumers were given: bodies in order, each with its message id, if it had one. */
export class Deliveries {
  readonly all: { readonly body: string; readonly messageId: string | undefined }[] = []

  count(body: string): number {
    return this.all.filter((delivery) => delivery.body === body).length
  }

  /** Ids below `sent` that never came. */
  lost(sent: number): string[] {
    const came = new Set(this.all.map(({ body }) => body))
    return Array.from({ length: sent }, (_, id) => String(id)).filter((id) => !came.has(id))
  }

  /** Bodies that came more than once. */
  duplicates(): string[] {
    const counts = new Map<string, number>()
    for (const { body } of this.all) counts.set(body, (counts.get(body) ?? 0) + 1)
    return [...counts].flatMap(([body, count]) => (count > 1 ? [body] : []))
  }

  /** Those of them that no consumer could tell: not every copy has the message's id. */
  unrecognisable(): string[] {
    const anonymous = new Set(this.all.flatMap((one) => (one.messageId ? [] : [one.body])))
    return this.duplicates().filter((body) => anonymous.has(body))
  }
}

/** A consumer as a listener's team runs it: declares nothing, acknowledges by hand. */
export async function startConsumer(amqpUrl: string, queue: string, into: Deliveries) {
  const connection = await connect(amqpUrl)
  connection.on('error', () => {}) // A test may take the broker away.
  const channel = await connection.createChannel()
  await channel.prefetch(50)
  await channel.consume(queue, (message) => {
    if (message === null) return
    const { messageId } = message.properties
    into.all.push({ body: message.content.toString(), messageId })
    channel.ack(message)
  })
  return { stop: () => connection.close().catch(() => {}) }
}
