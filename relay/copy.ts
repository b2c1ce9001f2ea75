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
import { deathsOf, isHarmful } from './deaths.ts'
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

export type Unforwardable = 'unreadable-properties' | 'too-many-hops' | 'expired'

export interface Rules {
  readonly persist: 'always' | 'preserve'
  /**
   * Hops after which a message must be going in circles. RabbitMQ's federation has the same guard
   * (max-hops), but drops the message; a relay parks it.
   */
  readonly maxHops: number
  /** In ms since 1970. */
  readonly nowMs: number
  /** How long the relay has had the message, in ms. */
  readonly heldMs: number
}

/** The message cannot be copied, however often it is tried. */
export class CopyRefused extends Error {
  override readonly name = 'CopyRefused'
  readonly reason: Unforwardable

  constructor(reason: Unforwardable, detail: string) {
    super(detail)
    this.reason = reason
  }
}

/** Headers that Warren sets. (Others have `x-original-…`, as Spring AMQP.) */
export const HEADER = {
  /** When the message came in, in ms since 1970; beside an expiration. */
  at: 'x-warren-at',
  originalExchange: 'x-relay-original-exchange',
  originalRoutingKey: 'x-relay-original-routing-key',
  originalUserId: 'x-relay-original-user-id',
  originalExpiration: 'x-relay-original-expiration',
  /** An `x-death` that a broker could fail over. */
  originalDeath: 'x-relay-original-death',
  /** How many relays the message has passed, since a consumer has rejected it if one did. */
  hops: 'x-relay-hops',
  /** How often it was rejected by then, and when, in ms since 1970. */
  rejections: 'x-relay-rejections',
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
  ['CC', 'x-relay-original-cc'],
  ['BCC', 'x-relay-original-bcc'],
] as const

/** As the first version named them; only where it did. */
const FORMERLY = [
  [HEADER.originalExchange, 'x-original-exchange'],
  [HEADER.originalRoutingKey, 'x-original-routing-key'],
  [HEADER.originalExpiration, 'x-original-expiration'],
] as const
const OF_A_RELAY = [HEADER.hops, HEADER.reason, HEADER.replays]

const PERSISTENT = octet(2)

/**
 * The properties of the copy: everything as it was, but for what would reroute the message, have it
 * refused or harm a broker (moved to `x-relay-original-*`), its origin (stamped at its first hop), the
 * delivery mode (`always`: a transient message becomes persistent) and the time to live that is left.
 * @throws {CopyRefused}
 */
export function copyOf(original: Original, rules: Rules): Copy {
  const { exchange, redelivered } = original
  const { persist, maxHops } = rules
  if (persist === 'always' && !redelivered) {
    const stamps = stampsOf(exchange, original.routingKey)
    const quick = quickCopy(original.properties, stamps)
    if (quick) return { properties: quick, routingKey: original.routingKey }
  }
  const { properties, headers, routingKey } = takeOver(original)
  countHop(headers, maxHops)
  if (redelivered) headers.set(HEADER.redelivered, true)
  if (persist === 'always') properties[PROPERTY.deliveryMode] = PERSISTENT
  reduceExpiration(properties, headers, rules)
  return { properties: joined(properties, headers), routingKey }
}

/** Relays in a circle reject nothing: after a rejection the message is on its way anew, and meant to be. */
function countHop(headers: TableEditor, maxHops: number): void {
  const rejections = rejectionsOf(headers)
  const isAnew = rejections !== textOf(headers.get(HEADER.rejections) ?? EMPTY)
  const before = isAnew ? 0 : (integerOf(headers.get(HEADER.hops) ?? EMPTY) ?? 0)
  if (before >= maxHops) {
    throw new CopyRefused('too-many-hops', `the message has passed ${before} relays already`)
  }
  headers.set(HEADER.hops, before + 1)
  if (rejections !== undefined) headers.set(HEADER.rejections, rejections)
}

/**
 * How often, and when last, a consumer has rejected the message: RabbitMQ 3 counts and keeps the time of
 * the first, RabbitMQ 4 begins to count anew with each copy.
 */
function rejectionsOf(headers: TableEditor): string | undefined {
  const rejected = deathsOf(headers).filter(({ reason }) => reason === 'rejected')
  if (rejected.length === 0) return undefined
  const count = rejected.reduce((sum, death) => sum + death.count, 0)
  return `${count} ${Math.max(...rejected.map(({ at = 0 }) => at))}`
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
  if (isHarmful(headers)) headers.set(HEADER.originalDeath, headers.take('x-death') as Buffer)
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
  rename(headers)
  const stamped = headers.get(HEADER.originalRoutingKey)
  if (stamped === undefined) {
    headers.set(HEADER.originalExchange, exchange)
    headers.set(HEADER.originalRoutingKey, routingKey)
    return routingKey
  }
  return exchange === '' ? (textOf(stamped) ?? routingKey) : routingKey
}

function rename(headers: TableEditor): void {
  if (headers.get(HEADER.originalRoutingKey) || !OF_A_RELAY.some((name) => headers.get(name)))
    return
  if (headers.get('x-original-routing-key') === undefined) return
  for (const [name, former] of FORMERLY) {
    const value = headers.take(former)
    if (value) headers.set(name, value)
  }
}

/**
 * The expiration restarts in every queue, so the time since `x-warren-at` is taken off, if known. The
 * queue that it came from did not let it expire: if all of the time is over by then, the clocks are apart (or
 * `x-warren-at` is of an earlier life), and only the time in the relay's hands counts.
 */
function reduceExpiration(
  properties: RawProperties,
  headers: TableEditor,
  { nowMs, heldMs }: Rules,
): void {
  const expiration = properties[PROPERTY.expiration]
  const at = integerOf(headers.get(HEADER.at) ?? EMPTY)
  if (expiration === undefined || at === undefined) return
  const lives = Number(shortStringText(expiration))
  if (Number.isNaN(lives)) return
  const wasOver = lives <= nowMs - heldMs - at
  const left = lives - (wasOver ? heldMs : Math.max(0, nowMs - at))
  // Published with 0 it would be gone, unless somebody consumes at this very moment.
  if (left < 1) throw new CopyRefused('expired', 'its time to live was over')
  properties[PROPERTY.expiration] = shortString(String(Math.floor(left)))
  headers.set(HEADER.at, nowMs)
}

function joined(properties: RawProperties, headers: TableEditor): Buffer {
  properties[PROPERTY.headers] = headers.table()
  return joinProperties(properties)
}
