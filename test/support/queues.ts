import { type Channel, connect, type GetMessage } from 'amqplib'
import type { Ending } from './ending.ts'

/** The exchanges that the shared cases publish to, and the queues behind them. */
export interface Queues {
  /** Takes every message out of every queue. */
  drain(): Promise<readonly Taken[]>
}

/** A message with the queue that it was in. */
export interface Taken {
  readonly queue: string
  readonly message: GetMessage
}

interface Declared {
  readonly exchange: string
  readonly type: 'fanout' | 'direct' | 'topic'
  /** Absent: nothing is bound. */
  readonly queue?: string
  readonly routingKey?: string
  readonly arguments?: Record<string, unknown>
}

const ALL: readonly Declared[] = [
  { exchange: 'orders', type: 'fanout', queue: 'orders.all' },
  { exchange: 'orders.unbound', type: 'fanout' },
  { exchange: 'orders.by-key', type: 'direct', queue: 'orders.eu', routingKey: 'eu.new' },
  { exchange: 'orders/über', type: 'fanout', queue: 'orders.über' },
  {
    exchange: 'orders.full',
    type: 'fanout',
    queue: 'orders.full',
    arguments: { 'x-max-length': 0, 'x-overflow': 'reject-publish' },
  },
]

/** Declares them all, and watches them until the test ends. */
export async function declareQueues(ending: Ending, amqpUrl: string): Promise<Queues> {
  const connection = await connect(amqpUrl)
  ending.after(() => connection.close())
  const channel = await connection.createChannel()
  for (const declared of ALL) await declare(channel, declared)
  const queues = ALL.flatMap(({ queue }) => queue ?? [])
  return {
    drain: async () => {
      const taken = await Promise.all(queues.map((queue) => takeAll(channel, queue)))
      return taken.flat()
    },
  }
}

async function declare(channel: Channel, { exchange, type, queue, ...more }: Declared) {
  await channel.assertExchange(exchange, type, { durable: true })
  if (queue === undefined) return
  await channel.assertQueue(queue, { durable: true, arguments: more.arguments ?? {} })
  await channel.bindQueue(queue, exchange, more.routingKey ?? '')
}

async function takeAll(channel: Channel, queue: string): Promise<Taken[]> {
  const taken: Taken[] = []
  for (;;) {
    const message = await channel.get(queue, { noAck: true })
    if (message === false) return taken
    taken.push({ queue, message })
  }
}
