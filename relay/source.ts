import { setTimeout as sleep } from 'node:timers/promises'
import type { AmqpConnection } from '#lib/amqp/connection.ts'
import type { QueueState } from '#lib/amqp/topology.ts'
import type { RelaySettings } from '#lib/config-relay.ts'
import type { SourceTopology } from '#lib/listener/adopt.ts'
import { describeError, type Log } from '#lib/log.ts'
import { keepOpen } from './line.ts'
import type { Connect } from './start.ts'
import { restoreSource } from './topology.ts'

/** The relay's side towards the exchange: its connection, and the topology that it keeps whole. */
export interface Source {
  connection(): AmqpConnection | undefined
  /** Declares and binds what is missing, now. Gives whether all is there. */
  restore(): Promise<boolean>
  readonly problem: string | undefined
  readonly staging: QueueState | undefined
  readonly dead: QueueState | undefined
  close(withinMs: number): Promise<void>
}

export interface SourceOptions {
  readonly settings: RelaySettings
  readonly connect: Connect
  readonly first: AmqpConnection
  readonly topology: SourceTopology
  /** Whether the regular look may happen now: nothing is answered while the connection is not read. */
  readonly mayLook: () => boolean
  readonly onLost: () => void
  readonly onRestored: (names: readonly string[]) => void
  readonly log: Log
}

export function createSource(options: SourceOptions): Source {
  const { settings, topology, connect, first, mayLook, onLost, onRestored, log } = options
  const stopping = new AbortController()
  const seen: { problem?: string | undefined; staging?: QueueState; dead?: QueueState } = {}
  const line = keepOpen({ connect, first, onReopened: () => {}, onLost, log })

  const restore = async () => {
    const connection = line.current()
    if (connection === undefined) return false
    try {
      const { staging, dead, restored } = await restoreSource(
        connection,
        settings,
        topology.binding,
      )
      Object.assign(seen, { staging, dead, problem: undefined })
      if (restored.length > 0) {
        log.warn({ restored }, 'what was missing was declared and bound again')
        onRestored(restored)
      }
      return true
    } catch (error) {
      if (!connection.isOpen()) return false // Its end is logged elsewhere.
      seen.problem = `exchange, queues and binding cannot be kept whole: ${describeError(error)}`
      log.error({ err: describeError(error) }, 'topology cannot be restored')
      return false
    }
  }
  const watch = async () => {
    const { signal } = stopping
    while (!signal.aborted) {
      await sleep(settings.topologyCheckMs, undefined, { signal }).catch(() => {})
      if (!signal.aborted && mayLook()) await restore()
    }
  }
  const watched = watch()
  return {
    connection: () => line.current(),
    restore,
    get problem() {
      return seen.problem
    },
    get staging() {
      return seen.staging
    },
    get dead() {
      return seen.dead
    },
    close: async (withinMs) => {
      stopping.abort()
      await line.close(withinMs)
      await watched
    },
  }
}
