import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ChannelModel, connect } from 'amqplib'
import { until } from './until.ts'

/** Publishes `count` messages with the ids 0, 1, …; resolves once all are confirmed and routed. */
export async function publishIds(
  amqpUrl: string,
  exchange: string,
  count: number,
  { from = 0, bytes = 100 }: { readonly from?: number; readonly bytes?: number } = {},
): Promise<void> {
  const connection = await connect(amqpUrl)
  const channel = await connection.createConfirmChannel()
  let returned = 0
  channel.on('return', () => {
    returned += 1
  })
  const body = Buffer.alloc(bytes, '.')
  for (let id = from; id < from + count; id += 1) {
    const options = { messageId: String(id), persistent: true, mandatory: true }
    if (!channel.publish(exchange, 'key', body, options)) await drained(channel)
  }
  await channel.waitForConfirms()
  await connection.close()
  assert.equal(returned, 0, 'the test itself published what nobody takes')
}

const drained = (channel: { once(event: 'drain', listener: () => void): unknown }) =>
  new Promise<void>((resolve) => channel.once('drain', resolve))

/** What arrived in a queue, in order, for as long as the test runs. */
export interface Ledger {
  readonly ids: readonly number[]
  /** Waits until so many different ids are there, and until nothing more comes for a second. */
  complete(distinct: number, withinMs?: number): Promise<Account>
  close(): Promise<void>
}

export interface Account {
  readonly distinct: number
  readonly duplicates: number
  /** Whether each id came for the first time only after all smaller ones had. */
  readonly inOrder: boolean
}

// A counter that stops at the first silence takes for lost what is only late.
const SILENCE_MS = 1000

/** Consumes the queue. */
export async function keepLedger(amqpUrl: string, queue: string): Promise<Ledger> {
  const connection: ChannelModel = await connect(amqpUrl)
  connection.on('error', () => {}) // A test may take the broker away.
  const channel = await connection.createChannel()
  const ids: number[] = []
  await channel.consume(
    queue,
    (message) => {
      if (message) ids.push(Number(message.properties.messageId))
    },
    { noAck: true },
  )
  return {
    ids,
    complete: async (distinct, withinMs = 60_000) => {
      await until(`${distinct} ids in ${queue}`, () => new Set(ids).size >= distinct, withinMs)
      for (let before = -1; before !== ids.length; ) {
        before = ids.length
        await sleep(SILENCE_MS)
      }
      return accountOf(ids)
    },
    close: () => connection.close().catch(() => {}),
  }
}

function accountOf(ids: readonly number[]): Account {
  const firsts = [...new Set(ids)]
  return {
    distinct: firsts.length,
    duplicates: ids.length - firsts.length,
    inOrder: firsts.every((id, index) => index === 0 || id > (firsts[index - 1] as number)),
  }
}
