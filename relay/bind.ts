import { setTimeout as sleep } from 'node:timers/promises'
import type { AmqpConnection } from '#lib/amqp/connection.ts'
import { bind, declareExchange, declareQueue, hasExchange, queueState } from '#lib/amqp/topology.ts'
import type { RelaySettings } from '#lib/config-relay.ts'
import type { BoundTopology } from '#lib/listener/adopt.ts'
import { destinationSpec, exchangeSpec } from '#lib/listener/specs.ts'
import { describeError, type Log } from '#lib/log.ts'
import { keepOpen } from './line.ts'
import type { RelayMetrics } from './metrics.ts'
import type { Connect, Running } from './start.ts'

export interface BindOptions {
  readonly settings: RelaySettings
  readonly connect: Connect
  /** An open connection to begin with. */
  readonly first: AmqpConnection
  readonly topology: BoundTopology
  readonly metrics: RelayMetrics
  readonly log: Log
}

/** Keeps exchange, destination and the binding between them in place: the broker does the rest. */
export function startBinding(options: BindOptions): Running {
  const { settings, connect, first, topology, metrics, log } = options
  const stopping = new AbortController()
  let problem: string | undefined
  const check = async (connection: AmqpConnection) => {
    try {
      const restored = await restoreBound(connection, settings, topology)
      problem = undefined
      if (restored.length === 0) return
      metrics.restored.inc(restored.length)
      log.warn({ restored }, 'what was missing was declared and bound again')
    } catch (error) {
      problem = `exchange, destination and binding cannot be kept whole: ${describeError(error)}`
      log.error({ err: describeError(error) }, 'topology cannot be restored')
    }
  }
  const line = keepOpen({
    connect,
    first,
    onReopened: (connection) => void check(connection),
    onLost: () => metrics.reconnects.inc({ side: 'source' }),
    log,
  })
  const watch = async () => {
    const { signal } = stopping
    while (!signal.aborted) {
      await sleep(settings.topologyCheckMs, undefined, { signal }).catch(() => {})
      const connection = line.current()
      if (connection && !signal.aborted) await check(connection)
    }
  }
  const watched = watch()
  return {
    status: () => ({
      sourceOpen: line.current() !== undefined,
      destinationOpen: line.current() !== undefined,
      blocked: false,
      topologyProblem: problem,
      paused: undefined,
      consuming: true,
      work: undefined,
      lastDeliveryMs: performance.now(),
      staging: undefined,
      dead: undefined,
      mismatches: topology.mismatches.length,
    }),
    stop: async (graceMs) => {
      stopping.abort()
      await watched
      await line.close(graceMs)
    },
  }
}

async function restoreBound(
  connection: AmqpConnection,
  settings: RelaySettings,
  { binding, mayDeclare }: BoundTopology,
): Promise<string[]> {
  const restored: string[] = []
  if (!(await hasExchange(connection, settings.exchange))) {
    await declareExchange(connection, exchangeSpec(settings))
    restored.push(settings.exchange)
  }
  const spec = destinationSpec(settings)
  if (spec && mayDeclare && (await queueState(connection, spec.name)) === undefined) {
    await declareQueue(connection, spec)
    restored.push(spec.name)
  }
  await bind(connection, binding)
  return restored
}
