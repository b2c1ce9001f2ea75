import { setTimeout as sleep } from 'node:timers/promises'
import type { AmqpConnection } from '#lib/amqp/connection.ts'
import { describeError, type Log } from '#lib/log.ts'

/** Keeps one connection open: opens it again, with backoff, whenever it ends. */
export interface Line {
  /** The open connection, or undefined. */
  current(): AmqpConnection | undefined
  /** Closes it in order and opens no other. */
  close(withinMs: number): Promise<void>
}

export interface LineOptions {
  readonly connect: () => Promise<AmqpConnection>
  /** A connection to begin with. */
  readonly first: AmqpConnection
  /** There is another one. */
  readonly onReopened: (connection: AmqpConnection) => void
  readonly onLost: () => void
  readonly log: Log
}

/** Between tries: from this, doubling, to that; with a fifth of chance, against herds of relays. */
const FIRST_BACKOFF_MS = 100
const LAST_BACKOFF_MS = 10_000
const JITTER = 0.2
/** A connection that lasted this long starts the backoff anew. */
const STABLE_MS = 5000

/** How long to wait before try `attempt` (0, 1, …). @param chance from 0 to 1 */
export function backoffMs(attempt: number, chance: number): number {
  const base = Math.min(LAST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(attempt, 20))
  return base * (1 - JITTER / 2 + JITTER * chance)
}

export function keepOpen({ connect, first, onReopened, onLost, log }: LineOptions): Line {
  const stopping = new AbortController()
  let connection: AmqpConnection | undefined

  const adopt = (opened: AmqpConnection, attempt: number) => {
    connection = opened
    const openedMs = performance.now()
    opened.onClosed((reason) => {
      connection = undefined
      if (stopping.signal.aborted) return
      log.warn({ err: describeError(reason) }, 'connection lost')
      onLost()
      void reopen(performance.now() - openedMs > STABLE_MS ? 0 : attempt + 1)
    })
  }
  const reopen = async (attempt: number): Promise<void> => {
    await sleep(backoffMs(attempt, Math.random()), undefined, stopping).catch(() => {})
    if (stopping.signal.aborted) return
    try {
      const opened = await connect()
      if (stopping.signal.aborted) return await opened.close(0)
      adopt(opened, attempt)
      onReopened(opened)
    } catch (error) {
      log.warn({ err: describeError(error), attempt }, 'cannot connect')
      return reopen(attempt + 1)
    }
  }
  adopt(first, 0)
  return {
    current: () => connection,
    close: async (withinMs) => {
      stopping.abort()
      await connection?.close(withinMs)
    },
  }
}
