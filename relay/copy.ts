import {
  joinProperties,
  octet,
  PROPERTY,
  type RawProperties,
  shortString,
  shortStringText,
  splitProperties,
} from '#lib/amqp/raw-properties.ts'
import { editTable, integerOf, type TableEditor, textOf } from '#lib/amqp/raw-table.ts'
import { quickCopy } from './quick-copy.ts'

/** What a copy is made from: a delivery's origin and its raw properties. */
export interface Original {
  readonly exchange: string
  readonly routingKey: string
  readonly redelivered: boolean
  readonly properties: Buffer
}

/** The copy's properties, and the routing key that the message has for its next hop. */
export interface Copy {
  readonly properties: Buffer
  readonly routingKey: string
}

export type Unforwardable = 'unreadable-properties' | 'too-many-hops'

/** The message cannot be copied, however often it is tried. */
export class CopyRefused extends Error {
  override readonly name = 'CopyRefused'
  readonly reason: Unforwardable

  constructor(reason: Unforwardable, detail: string) {
    super(detail)
    this.reason = reason
  }
}

/**
 * Hops after which a message must be going in circles. RabbitMQ's federation has the same guard
 * (max-hops), but drops the message; a relay parks it.
 */
const MAX_HOPS = 16

/** Headers that Warren sets. */
export const HEADER = {
  /** When the message came in, in ms since 1970; beside an expiration. */
  at: 'x-warren-at',
  originalExchange: 'x-original-exchange',
  originalRoutingKey: 'x-original-routing-key',
  originalUserId: 'x-original-user-id',
  originalExpiration: 'x-original-expiration',
  /** How many relays the message has passed. */
  hops: 'x-relay-hops',
  /** The broker had delivered the message to a relay before: this copy may be a duplicate. */
  redelivered: 'x-relay-redelivered',
  /** Why the message is parked: a word for programs, a text for people, a time in ms since 1970. */
  reason: 'x-relay-reason',
  error: 'x-relay-error',
  parkedAt: 'x-relay-parked-at',
  /** How often `replay` has taken the message out of the parking queue, and why it was there last. */
  replays: 'x-relay-replays',
  lastReason: 'x-relay-last-reason',
} as const

/** Of the delivery, not of the message: a quorum queue adds them. */
const DELIVERY_COUNT = 'x-delivery-count'
const OF_THE_DELIVERY = [DELIVERY_COUNT, 'x-acquired-count']

/** Left in place, they would deliver the copy to every queue that they name, once more. */
const REROUTING = [
  ['CC', 'x-original-cc'],
  ['BCC', 'x-original-bcc'],
] as const

const PERSISTENT = octet(2)

/**
 * The properties of the copy: everything as it was, but for what would reroute the message or have it
 * refused (moved to `x-original-*`), its origin (stamped at its first hop), the delivery mode
 * (`always`: a transient message becomes persistent) and the time to live that is left.
 * @param nowMs since 1970
 * @throws {CopyRefused}
 */
export function copyOf(
  original: Original,
  { persist, nowMs }: { readonly persist: 'always' | 'preserve'; readonly nowMs: number },
): Copy {
  const { exchange, redelivered } = original
  if (persist === 'always' && !redelivered) {
    const stamps = stampsOf(exchange, original.routingKey)
    const quick = quickCopy(original.properties, stamps)
    if (quick) return { properties: quick, routingKey: original.routingKey }
  }
  const { properties, headers, routingKey } = takeOver(original)
  const hops = 1 + (integerOf(headers.get(HEADER.hops) ?? EMPTY) ?? 0)
  if (hops > MAX_HOPS) {
    throw new CopyRefused('too-many-hops', `the message has passed ${MAX_HOPS} relays already`)
  }
  headers.set(HEADER.hops, hops)
  if (redelivered) headers.set(HEADER.redelivered, true)
  if (persist === 'always') properties[PROPERTY.deliveryMode] = PERSISTENT
  reduceExpiration(properties, headers, nowMs)
  return { properties: joined(properties, headers), routingKey }
}

/** What a message from its first exchange is stamped with; few exchanges and keys come again and again. */
const stampsOf = rememberingSome((exchange, routingKey) => {
  const headers = editTable(undefined)
  headers.set(HEADER.originalExchange, exchange)
  headers.set(HEADER.originalRoutingKey, routingKey)
  headers.set(HEADER.hops, 1)
  return headers.table().subarray(TABLE_LENGTH_BYTES)
})

const SOME = 256
const TABLE_LENGTH_BYTES = 4

function rememberingSome(make: (exchange: string, routingKey: string) => Buffer) {
  const made = new Map<string, Buffer>()
  return (exchange: string, routingKey: string): Buffer => {
    const key = `${exchange}\0${routingKey}`
    const known = made.get(key)
    if (known) return known
    if (made.size === SOME) made.clear()
    const bytes = make(exchange, routingKey)
    made.set(key, bytes)
    return bytes
  }
}

/**
 * The properties of the message for the parking queue: it stays until somebody decides about it, so it
 * is persistent and its expiration rests in a header.
 * @param why a word for programs and a text for people
 * @throws {CopyRefused} unreadable-properties
 */
export function parkedCopyOf(
  original: Original,
  why: { readonly reason: string; readonly error: string; readonly nowMs: number },
): Buffer {
  const { properties, headers } = takeOver(original)
  const expiration = properties[PROPERTY.expiration]
  if (expiration) headers.set(HEADER.originalExpiration, shortStringText(expiration))
  properties[PROPERTY.expiration] = undefined
  properties[PROPERTY.deliveryMode] = PERSISTENT
  headers.set(HEADER.reason, why.reason)
  headers.set(HEADER.error, why.error)
  headers.set(HEADER.parkedAt, why.nowMs)
  return joined(properties, headers)
}

/** How often a quorum queue has delivered the message in vain; 0 when it does not say. */
export function deliveryCountOf(properties: Buffer): number {
  try {
    const headers = editTable(splitProperties(properties)[PROPERTY.headers])
    return integerOf(headers.get(DELIVERY_COUNT) ?? EMPTY) ?? 0
  } catch {
    return 0 // Unreadable properties have their own way out: copyOf refuses them.
  }
}

const EMPTY = Buffer.from([0])

/**
 * The properties without what would reroute the message, have it refused, or belongs to the delivery;
 * with its origin stamped.
 * @throws {CopyRefused} unreadable-properties
 */
export function takeOver(original: Original) {
  const { properties, headers } = read(original.properties)
  for (const name of OF_THE_DELIVERY) headers.take(name)
  for (const [name, renamed] of REROUTING) {
    const value = headers.take(name)
    if (value) headers.set(renamed, value)
  }
  const userId = properties[PROPERTY.userId]
  if (userId) headers.set(HEADER.originalUserId, shortStringText(userId))
  properties[PROPERTY.userId] = undefined
  return { properties, headers, routingKey: stampOrigin(original, headers) }
}

function read(bytes: Buffer): { properties: RawProperties; headers: TableEditor } {
  try {
    const properties = splitProperties(bytes)
    return { properties, headers: editTable(properties[PROPERTY.headers]) }
  } catch (error) {
    throw new CopyRefused('unreadable-properties', (error as Error).message)
  }
}

/**
 * Stamps exchange and routing key, unless an earlier hop did. A message that came back by `replay` was
 * published to the staging queue itself: its routing key is the one stamped.
 */
function stampOrigin({ exchange, routingKey }: Original, headers: TableEditor): string {
  const stamped = headers.get(HEADER.originalRoutingKey)
  if (stamped === undefined) {
    headers.set(HEADER.originalExchange, exchange)
    headers.set(HEADER.originalRoutingKey, routingKey)
    return routingKey
  }
  return exchange === '' ? (textOf(stamped) ?? routingKey) : routingKey
}

/** The expiration restarts in every queue, so the time since `x-warren-at` is taken off, if known. */
function reduceExpiration(properties: RawProperties, headers: TableEditor, nowMs: number): void {
  const expiration = properties[PROPERTY.expiration]
  const at = integerOf(headers.get(HEADER.at) ?? EMPTY)
  if (expiration === undefined || at === undefined) return
  const left = Number(shortStringText(expiration)) - Math.max(0, nowMs - at)
  if (Number.isNaN(left)) return
  properties[PROPERTY.expiration] = shortString(String(Math.max(0, left)))
  headers.set(HEADER.at, nowMs)
}

function joined(properties: RawProperties, headers: TableEditor): Buffer {
  properties[PROPERTY.headers] = headers.table()
  return joinProperties(properties)
}
