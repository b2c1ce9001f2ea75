import { setTimeout as sleep } from 'node:timers/promises'
import { type AmqpConnection, openConnection } from '#lib/amqp/connection.ts'
import { isLoginRefused } from '#lib/amqp/errors.ts'
import { type BrokerSettings, ConfigError } from '#lib/config.ts'
import type { RelaySettings } from '#lib/config-relay.ts'
import { deadlineIn } from '#lib/deadline.ts'
import { defined } from '#lib/defined.ts'
import { adoptBound, adoptCopied, type Mismatch } from '#lib/listener/adopt.ts'
import { describeError, type Log } from '#lib/log.ts'
import { toStdout } from '#lib/log-lines.ts'
import { brokerUrlFrom, secretReader } from '#lib/secrets.ts'
import { startBinding } from './bind.ts'
import { reportToCloudWatch } from './emf.ts'
import { type Health, serveHealth } from './health.ts'
import { backoffMs } from './line.ts'
import { createMetrics, type RelayMetrics } from './metrics.ts'
import { startRelay } from './relay.ts'
import { type Connect, connectBoth, type Running, type Sides } from './start.ts'
import { type RelayStatus, unreadiness } from './status.ts'

export interface RunOptions {
  readonly settings: RelaySettings
  readonly broker: BrokerSettings
  readonly log: Log
  /** Ends the run in order. */
  readonly signal: AbortSignal
}

const CONNECT_MS = 5000
/** Nobody waits for an answer, and the first time a quarter of a processor has to load the SDK. */
export const SECRET_MS = 5000
const READY_POLL_MS = 20
const TO_LOG = { write: toStdout, now: Date.now }

/**
 * Runs a relay until the signal; resolves once it has given back what it had in hand.
 * @throws {ConfigError} settings, broker or topology do not let it start
 */
export async function run(options: RunOptions): Promise<void> {
  const { settings, log, signal } = options
  let running: Running | undefined
  const metrics = createMetrics(labelsOf(settings), () => running?.status() ?? STARTING)
  const health = await serveHealth({
    host: settings.host,
    port: settings.healthPort,
    unreadiness: () => unreadiness(running?.status() ?? STARTING, performance.now()),
    metrics: async () => ({
      contentType: metrics.registry.contentType,
      text: await metrics.registry.metrics(),
    }),
  })
  try {
    running = await start(options, metrics)
    if (running === undefined) return
    const { status } = running
    const stopReports = reportToCloudWatch({ settings, metrics, status, ...TO_LOG })
    await sayReady(running, health, options)
    await aborted(signal)
    stopReports()
    log.info({}, 'stopping')
    await running.stop(settings.shutdownGraceMs)
    log.info({ event: 'stopped' }, 'stopped')
  } finally {
    await health.close()
  }
}

const STARTING: RelayStatus = {
  sourceOpen: false,
  destinationOpen: false,
  blocked: false,
  topologyProblem: undefined,
  paused: undefined,
  consuming: false,
  work: undefined,
  lastDeliveryMs: 0,
  staging: undefined,
  dead: undefined,
  mismatches: 0,
}

/** The name of the destination, queue or exchange. */
export const targetOf = ({ destination }: RelaySettings) =>
  destination.kind === 'queue' ? destination.queue : destination.exchange

/** With the staging queue, if there is one: an alert must tell a forgotten one from one on hold. */
const labelsOf = (settings: RelaySettings) => ({
  exchange: settings.exchange,
  destination: targetOf(settings),
  ...(settings.mode === 'relay' ? { staging: settings.stagingQueue } : {}),
})

/** Connects, adopts or declares, and begins; tries again until it works. Undefined: stopped before. */
async function start(options: RunOptions, metrics: RelayMetrics): Promise<Running | undefined> {
  const { log, signal } = options
  const connect = connectors(options)
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    const connections = await connectBoth(connect, log, signal)
    if (connections === undefined) break
    try {
      return await begin(options, connect, connections, metrics)
    } catch (error) {
      await Promise.all([connections.source.close(0), connections.destination.close(0)])
      if (error instanceof ConfigError) throw error
      log.error({ err: describeError(error), attempt }, 'cannot start yet')
      await sleep(backoffMs(attempt, Math.random()), undefined, { signal }).catch(() => {})
    }
  }
  return undefined
}

async function begin(
  { settings, log }: RunOptions,
  connect: Sides<Connect>,
  connections: Sides<AmqpConnection>,
  metrics: RelayMetrics,
): Promise<Running> {
  if (settings.mode === 'bind') {
    const topology = await adoptBound(connections.source, settings)
    judge(topology.mismatches, settings, log)
    await connections.destination.close(CONNECT_MS)
    const { source: first } = connections
    return startBinding({ settings, connect: connect.source, first, topology, metrics, log })
  }
  const topology = await adoptCopied(connections, settings)
  judge([...topology.source.mismatches, ...topology.destination.mismatches], settings, log)
  return startRelay({ settings, connect, connections, topology, metrics, log })
}

/** @throws {ConfigError} with TOPOLOGY=strict, all differences at once */
function judge(mismatches: readonly Mismatch[], { topology }: RelaySettings, log: Log): void {
  const texts = mismatches.map(({ kind, name, difference }) => `${kind} ${name}: ${difference}`)
  if (topology === 'strict' && texts.length > 0) {
    throw new ConfigError(texts.map((text) => `TOPOLOGY=strict refuses the ${text}`))
  }
  for (const text of texts) log.warn({ mismatch: text }, 'adopted as found, not as configured')
}

/** @param program what the broker's console shows first */
export function connectors(
  { settings, broker, log }: Omit<RunOptions, 'signal'>,
  program = 'relay',
): Sides<Connect> {
  const { secretArn, url, heartbeatS, caFile } = broker
  const connectionName = `${program} ${settings.exchange} > ${targetOf(settings)}`
  const connectTo = (urlOf: (fresh: boolean) => Promise<string>): Connect => {
    let refused = false
    return async () => {
      try {
        const options = { connectionName, heartbeatS, url: await urlOf(refused), caFile }
        return await openConnection(defined({ ...options, deadline: deadlineIn(CONNECT_MS) }))
      } catch (error) {
        refused = isLoginRefused(error) // The password may have been rotated.
        throw error
      }
    }
  }
  const { destUrl } = settings
  const source = connectTo(
    secretArn === undefined
      ? async () => url as string
      : brokerUrlFrom(secretReader(secretArn), log, SECRET_MS),
  )
  return { source, destination: destUrl === undefined ? source : connectTo(async () => destUrl) }
}

async function sayReady(running: Running, health: Health, options: RunOptions): Promise<void> {
  const { settings, log, signal } = options
  while (!signal.aborted && unreadiness(running.status(), performance.now()).length > 0) {
    await sleep(READY_POLL_MS)
  }
  if (signal.aborted) return
  const { mode, exchange, stagingQueue, host } = settings
  const to = targetOf(settings)
  const healthUrl = `http://${host}:${health.port}`
  log.info({ event: 'ready', mode, exchange, to, stagingQueue, healthUrl }, 'relay is ready')
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
