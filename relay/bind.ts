import { setTimeout as sleep } from 'node:timers/promises'
import type { AmqpConnection } from '#lib/amqp/connection.ts'
import {
  adoptExchange,
  type BindingSpec,
  bind,
  declareExchange,
  declareQueue,
  hasExchange,
  queueState,
} from '#lib/amqp/topology.ts'
import type { RelaySettings } from '#lib/config-relay.ts'
import { describeError, type Log } from '#lib/log.ts'
import { keepOpen } from './line.ts'
import type { RelayMetrics } from './metrics.ts'
import { adoptDestination, type Connect, type DestinationTopology, type Running } from './start.ts'
import {
  adoptCanary,
  bindingSpec,
  destinationSpec,
  exchangeSpec,
  type Mismatch,
  mismatch,
} from './topology.ts'

export interface BoundTopology extends DestinationTopology {
  readonly binding: BindingSpec
}

/**
 * Adopts or declares exchange and destination, and binds them to each other without a queue between.
 * @throws {Error} with the broker's reply code, when it refuses
 */
export async function adoptBound(
  connection: AmqpConnection,
  settings: RelaySettings,
): Promise<BoundTopology> {
  const { destination } = settings
  const name = destination.kind === 'queue' ? destination.queue : destination.exchange
  const exchange = await adoptExchange(connection, exchangeSpec(settings))
  const adopted = await adoptDestination(connection, settings)
  const binding = bindingSpec(settings, exchange, { kind: destination.kind, name })
  await bind(connection, binding)
  await adoptCanary(connection)
  const mismatches: Mismatch[] = mismatch('exchange', settings.exchange, exchange)
  return { ...adopted, binding, mismatches: [...mismatches, ...adopted.mismatches] }
}

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
