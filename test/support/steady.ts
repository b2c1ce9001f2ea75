import { setTimeout as sleep } from 'node:timers/promises'
import { type ChannelModel, type ConsumeMessage, connect } from 'amqplib'

// Clients that outlive the brokers of a test: they connect again, and lose nothing.

const RETRY_MS = 200
const WINDOW = 500

interface Progress {
  confirmed: number
  readonly count: number
  /** The shortest time for a window. */
  readonly windowMs: number
}

/**
 * Publishes the ids 0 to `count` - 1 in order; what is unconfirmed at a loss is published again.
 * @param perSecond at most
 */
export async function publishSteadily(
  url: string,
  exchange: string,
  { count, perSecond }: { readonly count: number; readonly perSecond: number },
): Promise<void> {
  const progress = { confirmed: 0, count, windowMs: (WINDOW / perSecond) * 1000 }
  while (progress.confirmed < count) {
    await onConnection(url, (connection) => publishRest(connection, exchange, progress))
  }
}

async function publishRest(
  connection: ChannelModel,
  exchange: string,
  progress: Progress,
): Promise<void> {
  const channel = await connection.createConfirmChannel()
  channel.on('error', () => {})
  while (progress.confirmed < progress.count) {
    const end = Math.min(progress.count, progress.confirmed + WINDOW)
    for (let id = progress.confirmed; id < end; id += 1) {
      const options = { messageId: String(id), persistent: true, mandatory: true }
      channel.publish(exchange, '', Buffer.alloc(100, '.'), options)
    }
    await Promise.all([channel.waitForConfirms(), sleep(progress.windowMs)])
    progress.confirmed = end
  }
}

/** Opens a connection, uses it and closes it; that any of this fails is what is to be expected. */
async function onConnection(
  url: string,
  use: (connection: ChannelModel) => Promise<void>,
): Promise<void> {
  try {
    const connection = await connect(url)
    connection.on('error', () => {}) // 'close' follows.
    try {
      await use(connection)
    } finally {
      await connection.close()
    }
  } catch {
    await sleep(RETRY_MS)
  }
}

/** Takes messages out of a queue, through every loss of the broker. */
export interface SteadyConsumer {
  resume(): void
  /** Takes none any more. */
  pause(): Promise<void>
}

/** Consumes a queue once told to; a message is acknowledged after `note` has returned. */
export function consumeSteadily(
  url: string,
  queue: string,
  note: (message: ConsumeMessage) => void,
): SteadyConsumer {
  let stop = () => {}
  let taking = Promise.resolve()

  const take = async (connection: ChannelModel, stopped: Promise<void>) => {
    const closed = new Promise((resolve) => connection.once('close', resolve))
    const channel = await connection.createChannel()
    const cancelled = Promise.withResolvers<void>()
    channel.on('error', () => {})
    channel.on('close', cancelled.resolve)
    await channel.prefetch(WINDOW)
    await channel.consume(queue, (message) => {
      if (message === null) return cancelled.resolve()
      note(message)
      channel.ack(message)
    })
    await Promise.race([closed, stopped, cancelled.promise])
  }
  return {
    resume: () => {
      let wanted = true
      const stopped = new Promise<void>((resolve) => {
        stop = () => {
          wanted = false
          resolve()
        }
      })
      const loop = async () => {
        while (wanted) await onConnection(url, (connection) => take(connection, stopped))
      }
      taking = loop()
    },
    pause: async () => {
      stop()
      await taking
    },
  }
}

/** What arrived in a queue: each id at its first arrival, and how many came more than once. */
export interface SteadyLedger extends SteadyConsumer {
  readonly firsts: readonly number[]
  readonly duplicates: number
}

/** Consumes a queue, acknowledging what was counted. */
export function keepSteadyLedger(url: string, queue: string): SteadyLedger {
  const seen = new Set<number>()
  let duplicates = 0
  const consumer = consumeSteadily(url, queue, ({ properties, fields }) => {
    const id = Number(properties.messageId)
    // What this queue delivers again is not what was published again.
    if (seen.has(id) && !fields.redelivered) duplicates += 1
    seen.add(id)
  })
  return {
    ...consumer,
    get firsts() {
      return [...seen]
    },
    get duplicates() {
      return duplicates
    },
  }
}
