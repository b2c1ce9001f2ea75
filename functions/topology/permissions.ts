import type { RelaySettings } from '#lib/config-relay.ts'

/** Regular expressions over names of exchanges and queues, in RabbitMQ's (PCRE) syntax. */
export interface Permissions {
  readonly Configure: string
  readonly Write: string
  readonly Read: string
}

/** Matches no name: nothing of the kind is allowed. */
const NONE = '^$'

/**
 * A publisher may publish to every exchange but the default one, which would be every queue. (Which
 * caller may publish where is decided before.) A passive declare needs no right.
 */
export const PUBLISHER: Permissions = {
  Configure: NONE,
  Write: '^(?!amq\\.default$).',
  Read: NONE,
}

/** A look at the broker: log in, open a channel. */
export const OBSERVER: Permissions = { Configure: NONE, Write: NONE, Read: NONE }

/**
 * What `node relay/main.ts` does with run, replay and detach, on its own queues, exchange and
 * destination. The default exchange is written to for a destination that is a queue, and for parking:
 * the broker knows no right that is narrower.
 */
export function relayPermissions(settings: RelaySettings): Permissions {
  const { exchange, destination, stagingQueue, deadLetterQueue, onMissing } = settings
  const own = [stagingQueue, deadLetterQueue]
  const declares = onMissing === 'auto' || onMissing === 'declare'
  const target = destination.kind === 'queue' ? destination.queue : undefined
  return {
    Configure: oneOf([exchange, ...own, ...(declares && target !== undefined ? [target] : [])]),
    // A binding is written to its queue, and read from its exchange.
    Write: oneOf([
      'amq.default',
      stagingQueue,
      ...(destination.kind === 'exchange' ? [destination.exchange] : []),
    ]),
    Read: oneOf([exchange, ...own]),
  }
}

const oneOf = (names: readonly string[]) => `^(${names.map(escaped).join('|')})$`

/** `$` matches before a final line feed, too; a name with one in it is nothing to be afraid of. */
const escaped = (name: string) => name.replace(/[\\^$.*+?()[\]{}|#\s-]/g, '\\$&')
