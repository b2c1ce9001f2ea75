import type { Publisher } from '#lib/amqp/message.ts'
import { createPublisher } from '#lib/amqp/publisher.ts'
import { deadlineIn } from '#lib/deadline.ts'
import { createLog } from '#lib/log.ts'
import { message } from '../support/messages.ts'

// Many execution environments of Lambda in one process: each has the publisher, with a connection of
// its own, that the function has.

/** Makes environments, each of which publishes one message; or publishes through those there are. */
export type Order = { readonly add: number } | { readonly publish: number; readonly atOnce: number }

export interface Answer {
  /** What each publish took. */
  readonly ms: readonly number[]
  readonly error?: string
}

/** Environments that connect at once. */
const CONNECTING = 4
/** As lib/config.ts has it. */
const HEARTBEAT_S = 20
/** Longer than a request may take: how slow it gets is what is measured. */
const DEADLINE_MS = 30_000
const BODY = Buffer.alloc(1000, 'x')

const [, , url = '', exchange = ''] = process.argv
const publishers: Publisher[] = []

async function publish(publisher: Publisher): Promise<number> {
  const started = performance.now()
  await publisher.publish(message(exchange, { body: BODY }), deadlineIn(DEADLINE_MS))
  return performance.now() - started
}

/** Does `count` things, so many at once. */
async function each<T>(count: number, atOnce: number, act: (i: number) => Promise<T>) {
  const results: T[] = []
  let next = 0
  const work = async () => {
    while (next < count) results.push(await act(next++))
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, work))
  return results
}

function add(): Promise<number> {
  const publisher = createPublisher({
    broker: { url, heartbeatS: HEARTBEAT_S },
    connectionName: 'environment',
    log: createLog({ level: 'silent' }),
  })
  publishers.push(publisher)
  return publish(publisher)
}

function obey(order: Order): Promise<number[]> {
  if ('add' in order) return each(order.add, CONNECTING, add)
  const turn = (i: number) => publish(publishers[i % publishers.length] as Publisher)
  return each(order.publish, order.atOnce, turn)
}

process.on('message', (order: Order) => {
  obey(order).then(
    (ms) => process.send?.({ ms } satisfies Answer),
    (error) => process.send?.({ ms: [], error: String(error) } satisfies Answer),
  )
})
process.on('disconnect', () => process.exit())
process.send?.('ready')
