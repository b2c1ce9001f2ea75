import { setTimeout as sleep } from 'node:timers/promises'
import type { AmqpConnection } from '#lib/amqp/connection.ts'
import { connectError } from '#lib/amqp/errors.ts'
import { adoptQueue, brokerVersion, type Found } from '#lib/amqp/topology.ts'
import { ConfigError } from '#lib/config.ts'
import type { RelaySettings } from '#lib/config-relay.ts'
import { describeError, type Log } from '#lib/log.ts'
import { backoffMs } from './line.ts'
import type { RelayStatus } from './status.ts'
import { destinationSpec, type Mismatch, mismatch } from './topology.ts'

export type Connect = () => Promise<AmqpConnection>

/** What a process of a relay does until it is stopped: copy, or keep a binding. */
export interface Running {
  status(): RelayStatus
  /** Takes no more, finishes what is under way within the time given, closes the connections last. */
  stop(graceMs: number): Promise<void>
}

/** The two sides of a relay. */
export interface Sides<T> {
  readonly source: T
  readonly destination: T
}

/**
 * Connects to both sides, however long the brokers take to come up.
 * @param signal gives up; then the answer is undefined
 * @throws {ConfigError} a broker refuses the relay: no waiting would help
 */
export async function connectBoth(
  connect: Sides<Connect>,
  log: Log,
  signal: AbortSignal,
): Promise<Sides<AmqpConnection> | undefined> {
  const refused: string[] = []
  const open = async (side: keyof Sides<unknown>) => {
    for (let attempt = 0; refused.length === 0 && !signal.aborted; attempt += 1) {
      try {
        return await connect[side]()
      } catch (error) {
        if (connectError(error).code === 'broker-misconfigured') {
          const which = connect.source === connect.destination ? 'the' : `the ${side}'s`
          refused.push(`${which} broker refuses the relay: ${describeError(error)}`)
        } else {
          log.warn({ side, err: describeError(error), attempt }, 'cannot connect')
          await sleep(backoffMs(attempt, Math.random()), undefined, { signal }).catch(() => {})
        }
      }
    }
    return undefined
  }
  const [source, destination] = await Promise.all([open('source'), open('destination')])
  if (source && destination) return { source, destination }
  await Promise.all([source?.close(0), destination?.close(0)])
  if (refused.length === 0) return undefined
  throw new ConfigError([...new Set(refused)])
}

/** From this version on the broker denies queues that are neither durable nor exclusive. */
const DENIES_TRANSIENT = [4, 3] as const

/** What is wrong with a transient destination on this broker, if anything. */
export function transientProblem(settings: RelaySettings, version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const denies =
    major > DENIES_TRANSIENT[0] || (major === DENIES_TRANSIENT[0] && minor >= DENIES_TRANSIENT[1])
  if (!denies || settings.queueDurable || settings.destination.kind === 'exchange') return undefined
  return `QUEUE_DURABLE=0 does not work on RabbitMQ ${version}: from 4.3 on it denies queues that are not durable`
}

export interface DestinationTopology {
  readonly mismatches: readonly Mismatch[]
  /** Whether a destination that goes missing may be declared: nobody had it otherwise. */
  readonly mayDeclare: boolean
}

/**
 * Adopts the destination queue, or declares it if it is missing and ON_MISSING allows.
 * @throws {ConfigError} a transient queue, which this broker denies
 * @throws {Error} with the broker's reply code, when it refuses
 */
export async function adoptDestination(
  connection: AmqpConnection,
  settings: RelaySettings,
): Promise<DestinationTopology> {
  const problem = transientProblem(settings, brokerVersion(connection))
  if (problem) throw new ConfigError([problem])
  const spec = destinationSpec(settings)
  if (spec === undefined || settings.onMissing === 'hold' || settings.onMissing === 'park') {
    return { mismatches: [], mayDeclare: false }
  }
  const found: Found = await adoptQueue(connection, spec)
  const asOurs = found.how === 'declared' || found.how === 'same'
  return {
    mismatches: mismatch('queue', spec.name, found),
    mayDeclare: asOurs || settings.onMissing === 'declare',
  }
}
