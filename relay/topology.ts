import { CANARY_EXCHANGE } from '#lib/amqp/canary.ts'
import type { AmqpConnection } from '#lib/amqp/connection.ts'
import {
  adoptExchange,
  adoptQueue,
  type BindingSpec,
  bind,
  declareExchange,
  declareQueue,
  type ExchangeSpec,
  type Found,
  hasExchange,
  type QueueSpec,
  type QueueState,
  queueState,
} from '#lib/amqp/topology.ts'
import type { RelaySettings } from '#lib/config-relay.ts'

/** Where the publisher's canary goes; the publisher never declares anything itself. */
export const CANARY: ExchangeSpec = { name: CANARY_EXCHANGE, type: 'direct', durable: true }

export const exchangeSpec = (settings: RelaySettings): ExchangeSpec => ({
  name: settings.exchange,
  type: settings.exchangeType,
  durable: settings.exchangeDurable,
})

/**
 * A quorum queue's default limit (20 from RabbitMQ 4.0 on) would drop a message that people have looked
 * at so often; 3.10 knows no way to say "none".
 */
const UNLIMITED_DELIVERIES = 1_000_000

/** The parking queue: durable, without limit or expiry. */
export const deadLetterSpec = ({ deadLetterQueue, stagingType }: RelaySettings): QueueSpec => ({
  name: deadLetterQueue,
  durable: true,
  autoDelete: false,
  arguments: {
    'x-queue-type': stagingType,
    ...(stagingType === 'quorum' ? { 'x-delivery-limit': UNLIMITED_DELIVERIES } : {}),
  },
})

/**
 * The queue that keeps messages until they are safe in the destination. A single active consumer makes
 * a second replica a standby instead of a source of disorder. At-least-once dead-lettering needs
 * reject-publish; with that a maximum length would refuse publishers, so there is none.
 */
export function stagingSpec(settings: RelaySettings): QueueSpec {
  const quorum = {
    'x-delivery-limit': settings.deliveryLimit,
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  }
  return {
    name: settings.stagingQueue,
    durable: true,
    autoDelete: false,
    arguments: {
      'x-queue-type': settings.stagingType,
      'x-single-active-consumer': true,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': settings.deadLetterQueue,
      ...(settings.stagingType === 'quorum' ? quorum : {}),
    },
  }
}

/** What a missing destination queue is declared as; undefined when the destination is an exchange. */
export function destinationSpec(settings: RelaySettings): QueueSpec | undefined {
  const { destination, queueType, queueDurable, queueAutoDelete } = settings
  if (destination.kind === 'exchange') return undefined
  return {
    name: destination.queue,
    durable: queueDurable,
    autoDelete: queueAutoDelete,
    // Without the argument for a classic queue: consumers declare it without, too.
    arguments: queueType === 'quorum' ? { 'x-queue-type': 'quorum' } : {},
  }
}

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
export async function adoptSource(
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
export async function adoptCanary(connection: AmqpConnection): Promise<void> {
  await adoptExchange(connection, CANARY).catch(() => {})
}

export function mismatch(kind: Mismatch['kind'], name: string, found: Found): Mismatch[] {
  return found.how === 'different' ? [{ kind, name, difference: found.difference }] : []
}

const stagingBinding = (settings: RelaySettings, exchange: Found): BindingSpec =>
  bindingSpec(settings, exchange, { kind: 'queue', name: settings.stagingQueue })

/** The binding key's default depends on the exchange's type, which only the broker knows. */
export function bindingSpec(
  settings: RelaySettings,
  exchange: Found,
  destination: BindingSpec['destination'],
): BindingSpec {
  return {
    source: settings.exchange,
    destination,
    key: settings.bindingKey ?? (typeOf(exchange, settings) === 'topic' ? '#' : ''),
    arguments: settings.bindingArguments,
  }
}

function typeOf(exchange: Found, settings: RelaySettings): string {
  const actual =
    exchange.how === 'different' && /arg 'type'.*current is '([^']+)'/.exec(exchange.difference)
  return actual ? (actual[1] as string) : settings.exchangeType
}

/** What the regular look at the source has found. */
export interface SourceState {
  readonly staging: QueueState
  readonly dead: QueueState
  /** Names of what was missing and has been declared again. */
  readonly restored: readonly string[]
}

/**
 * Declares again what has gone missing, binds again (which changes nothing when the binding is there),
 * and gives the depths.
 * @throws {Error} with the broker's reply code, when it refuses
 */
export async function restoreSource(
  connection: AmqpConnection,
  settings: RelaySettings,
  binding: BindingSpec | undefined,
): Promise<SourceState> {
  const restored: string[] = []
  if (binding && !(await hasExchange(connection, settings.exchange))) {
    await declareExchange(connection, exchangeSpec(settings))
    restored.push(settings.exchange)
  }
  const state = async (spec: QueueSpec): Promise<QueueState> => {
    const found = await queueState(connection, spec.name)
    if (found !== undefined) return found
    await declareQueue(connection, spec)
    restored.push(spec.name)
    return { messages: 0, consumers: 0 }
  }
  const dead = await state(deadLetterSpec(settings))
  const staging = await state(stagingSpec(settings))
  if (binding) await bind(connection, binding)
  return { staging, dead, restored }
}
