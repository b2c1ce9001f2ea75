import { CANARY_EXCHANGE } from '#lib/amqp/canary.ts'
import type { BindingSpec, ExchangeSpec, Found, QueueSpec } from '#lib/amqp/topology.ts'
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
