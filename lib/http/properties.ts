import type { Table } from './table.ts'

/** How the value of a property is written and what is allowed. */
export type Rule =
  /** An AMQP short string: at most 255 bytes of UTF-8. */
  | { readonly kind: 'text'; readonly minBytes?: number; readonly neverStarts?: string }
  /** A whole number, in decimal digits. */
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  /** `true` or `1`, `false` or `0`. */
  | { readonly kind: 'boolean' }
  /** A JSON object that becomes an AMQP table. */
  | { readonly kind: 'table' }

export type Property = Rule & {
  /** For the documentation: one sentence. */
  readonly says: string
}

/**
 * What a caller can set, as query parameter `<name>` or header `AMQP-<Name>`. Requests are checked
 * by this table, and the OpenAPI document is made from it. Ranges are the broker's (AMQP 0-9-1;
 * `expiration`: RabbitMQ's largest timer, 2^32 - 1 ms) or, for `timestamp`, what JSON carries exactly.
 */
export const PROPERTIES = {
  routing_key: {
    kind: 'text',
    says: 'Where the exchange sends the message; empty if not given. A fanout exchange ignores it.',
  },
  mandatory: {
    kind: 'boolean',
    says: 'Whether a queue must take the message. If not given, a message that no queue takes is 422; with `false` it is 200 with `"routed": false`.',
  },
  message_id: {
    kind: 'text',
    minBytes: 1,
    says: 'Identifies the message; consumers recognise duplicates by it. The header `Idempotency-Key` means the same. A UUIDv7 if not given.',
  },
  correlation_id: { kind: 'text', says: 'Which earlier message this one belongs to.' },
  reply_to: {
    kind: 'text',
    // RabbitMQ's direct reply-to: it closes the channel of a publisher that does not consume there.
    neverStarts: 'amq.rabbitmq.reply-to',
    says: 'The queue that answers should go to.',
  },
  type: { kind: 'text', says: 'What kind of message this is, e.g. `order.created`.' },
  app_id: { kind: 'text', says: 'The program that sends the message.' },
  priority: {
    kind: 'integer',
    min: 0,
    max: 255,
    says: 'For queues with priorities; a higher one is delivered first.',
  },
  expiration: {
    kind: 'integer',
    min: 0,
    max: 4_294_967_295,
    says: 'Milliseconds after which a queue drops the message.',
  },
  timestamp: {
    kind: 'integer',
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    says: 'When the message was made, in seconds since 1970.',
  },
  delivery_mode: {
    kind: 'integer',
    min: 1,
    max: 2,
    says: '2 (if not given): kept on disk. 1: may be lost when the broker restarts.',
  },
  headers: {
    kind: 'table',
    says: 'Headers of the message, a JSON object: at most 16 levels deep, 256 names and 1,024 list items in all, and below 64 KiB.',
  },
} as const satisfies Record<string, Property>

export type PropertyName = keyof typeof PROPERTIES

type ValueOf<R extends Rule> = {
  text: string
  integer: number
  boolean: boolean
  table: Table
}[R['kind']]

/** What a caller set, each value checked by its rule. */
export type Given = { readonly [K in PropertyName]?: ValueOf<(typeof PROPERTIES)[K]> }

/** Every property's name. */
export const PROPERTY_NAMES = Object.keys(PROPERTIES) as readonly PropertyName[]
/** The same as a text. */
export const PROPERTY_LIST = PROPERTY_NAMES.join(', ')

/** The spelling of a property as a header, e.g. `AMQP-Message-Id`. */
export const headerOf = (name: string): string => spellHeader(`amqp-${name.replaceAll('_', '-')}`)

/** An `amqp-*` header as people write it. */
export function spellHeader(header: string): string {
  const [, ...words] = header.split('-')
  const spelled = words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
  return ['AMQP', ...spelled].join('-')
}

/** Properties of AMQP that are not the caller's: they pose as the sender, or send copies elsewhere. */
const CLOSED = new Set(['user_id', 'cluster_id', 'cc', 'bcc'])

/** Why a name that looks like a property is none, and what to do. @param known what could be meant, as a list in words */
export function unknownName(name: string, known: string): string {
  if (CLOSED.has(name.toLowerCase().replaceAll('-', '_'))) return 'Cannot be set by a caller.'
  return `Not known. Known are: ${known}.`
}
