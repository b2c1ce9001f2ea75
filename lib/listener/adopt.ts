import type { AmqpConnection } from '#lib/amqp/connection.ts'
import {
  adoptExchange,
  adoptQueue,
  type BindingSpec,
  bind,
  brokerVersion,
  type Found,
} from '#lib/amqp/topology.ts'
import { ConfigError } from '#lib/config.ts'
import type { RelaySettings } from '#lib/config-relay.ts'
import {
  bindingSpec,
  CANARY,
  deadLetterSpec,
  destinationSpec,
  exchangeSpec,
  stagingSpec,
} from './specs.ts'

/** Something that exists and is not as this relay would have declared it. */
export interface Mismatch {
  readonly kind: 'exchange' | 'queue'
  readonly name: string
  /** The broker's words. */
  readonly difference: string
}

export interface SourceTopology {
  /** Undefined: the listener is being retired, so exchange and binding are left alone. */
  readonly binding: BindingSpec | undefined
  readonly mismatches: readonly Mismatch[]
  /** Whether the staging queue surely hands what is rejected to the parking queue. */
  readonly parksByItself: boolean
}

/**
 * Makes the source's side complete: adopts what is there, declares what is missing, binds.
 * @throws {Error} with the broker's reply code, when it refuses
 */
async function adoptSource(
  connection: AmqpConnection,
  settings: RelaySettings,
): Promise<SourceTopology> {
  const exchange = await adoptExchange(connection, exchangeSpec(settings))
  const binding = stagingBinding(settings, exchange)
  const dead = await adoptQueue(connection, deadLetterSpec(settings))
  const staging = await adoptQueue(connection, stagingSpec(settings))
  await bind(connection, binding)
  await adoptCanary(connection)
  return {
    binding,
    mismatches: [
      ...mismatch('exchange', settings.exchange, exchange),
      ...mismatch('queue', settings.deadLetterQueue, dead),
      ...mismatch('queue', settings.stagingQueue, staging),
    ],
    parksByItself: staging.how === 'declared' || staging.how === 'same',
  }
}

/** Of use to the gateway, not to the relay: that it cannot be declared is nothing to stop for. */
async function adoptCanary(connection: AmqpConnection): Promise<void> {
  await adoptExchange(connection, CANARY).catch(() => {})
}

function mismatch(kind: Mismatch['kind'], name: string, found: Found): Mismatch[] {
  return found.how === 'different' ? [{ kind, name, difference: found.difference }] : []
}

const stagingBinding = (settings: RelaySettings, exchange: Found): BindingSpec =>
  bindingSpec(settings, exchange, { kind: 'queue', name: settings.stagingQueue })

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

export interface CopiedTopology {
  readonly source: SourceTopology
  readonly destination: DestinationTopology
}

/**
 * Adopts or declares both sides of a relay that copies. The destination comes first, since a broker that
 * is killed within two seconds may forget what was declared last, with all that it confirmed there (seen
 * with RabbitMQ 3.10); the binding, which comes last, holds nothing.
 * @throws {ConfigError} a transient queue, which the destination's broker denies
 * @throws {Error} with the broker's reply code, when it refuses
 */
export async function adoptCopied(
  connections: { readonly source: AmqpConnection; readonly destination: AmqpConnection },
  settings: RelaySettings,
): Promise<CopiedTopology> {
  const destination = await adoptDestination(connections.destination, settings)
  const source = await adoptSource(connections.source, settings)
  return { source, destination }
}

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
