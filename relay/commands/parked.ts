import type { Delivery } from '#lib/amqp/consumer.ts'
import {
  joinProperties,
  PROPERTY,
  type RawProperties,
  shortString,
  shortStringText,
  splitProperties,
} from '#lib/amqp/raw-properties.ts'
import { editTable, integerOf, type TableEditor, textOf } from '#lib/amqp/raw-table.ts'
import { fitsTopic } from '#lib/auth/patterns.ts'
import { HEADER, takeOver } from '#relay/copy.ts'
import type { Filter } from './args.ts'

/** A message of the parking queue, which the relay put there, or the broker by dead-lettering. */
export interface Parked {
  /** The relay's word or the broker's; `unknown` for what somebody else put there. */
  readonly reason: string
  readonly messageId: string | undefined
  /** Where it was published, and with which key. */
  readonly exchange: string | undefined
  readonly routingKey: string
  /** Milliseconds since 1970. */
  readonly parkedAt: number | undefined
  /** When its time to live is over, in milliseconds since 1970; undefined: never. */
  readonly expiresAt: number | undefined
  /** A header's value as text, when it is a text, a whole number or a boolean. */
  header(name: string): string | undefined
  /** Its properties for the staging queue. */
  properties(nowMs: number): Buffer
}

/** @throws {Error} when its properties cannot be read */
export function readParked(delivery: Delivery): Parked {
  const death = lastDeath(editTable(splitProperties(delivery.properties)[PROPERTY.headers]))
  const original = death === undefined ? delivery : { ...delivery, ...death.origin }
  const { properties, headers, routingKey } = takeOver(original)
  const messageId = properties[PROPERTY.messageId]
  const parkedAt = whole(headers, HEADER.parkedAt) ?? death?.at
  const livesMs = Number(text(headers, HEADER.originalExpiration) ?? death?.expiration)
  const since = whole(headers, HEADER.at) ?? parkedAt
  return {
    reason: text(headers, HEADER.reason) ?? death?.reason ?? 'unknown',
    messageId: messageId && shortStringText(messageId),
    exchange: text(headers, HEADER.originalExchange),
    routingKey,
    parkedAt,
    expiresAt: Number.isInteger(livesMs) && since !== undefined ? since + livesMs : undefined,
    header: (name) => plainText(headers.get(name)),
    properties(nowMs) {
      restore(headers, properties, this, nowMs)
      return joinProperties(properties)
    },
  }
}

/** Whether the filter lets it through. */
export function fits(
  parked: Parked,
  { reasons, messageIds, routingKeys, headers }: Filter,
): boolean {
  const { reason, messageId, routingKey } = parked
  const any = <T>(wanted: readonly T[], fit: (one: T) => boolean) =>
    wanted.length === 0 || wanted.some(fit)
  return (
    any(reasons, (wanted) => wanted === reason) &&
    any(messageIds, (wanted) => wanted === messageId) &&
    any(routingKeys, (pattern) => fitsTopic(pattern, routingKey)) &&
    any(headers, ([name, value]) => parked.header(name) === value)
  )
}

/**
 * As it was before it was parked, but for how often and why: what is parked again is recognisable. The
 * hops begin anew, or what has gone in circles once could never be replayed.
 */
function restore(
  headers: TableEditor,
  properties: RawProperties,
  { reason, expiresAt }: Parked,
  nowMs: number,
): void {
  if (expiresAt !== undefined) {
    properties[PROPERTY.expiration] = shortString(String(Math.max(0, expiresAt - nowMs)))
    if (headers.get(HEADER.at) !== undefined) headers.set(HEADER.at, nowMs)
  }
  headers.set(HEADER.replays, 1 + (whole(headers, HEADER.replays) ?? 0))
  headers.set(HEADER.lastReason, reason)
  for (const name of [HEADER.reason, HEADER.error, HEADER.parkedAt, HEADER.hops]) headers.take(name)
  headers.take(HEADER.originalExpiration)
  properties[PROPERTY.headers] = headers.table()
}

interface Death {
  readonly reason: string | undefined
  readonly at: number | undefined
  /** The broker takes the property away when it dead-letters a message. */
  readonly expiration: string | undefined
  readonly origin: { readonly exchange?: string; readonly routingKey?: string }
}

const ARRAY = 0x41
const TABLE = 0x46
const LONG_STRING = 0x53
/** Of an array: its tag and its length. */
const ARRAY_HEAD = 5

/** The first entry of `x-death`, an array of tables, is the latest. */
function lastDeath(headers: TableEditor): Death | undefined {
  const deaths = headers.get('x-death')
  if (deaths?.[0] !== ARRAY || deaths[ARRAY_HEAD] !== TABLE) return undefined
  const death = editTable(deaths.subarray(ARRAY_HEAD + 1))
  const exchange = text(death, 'exchange')
  const routingKey = firstText(death.get('routing-keys'))
  const seconds = whole(death, 'time')
  return {
    reason: text(death, 'reason'),
    at: seconds === undefined ? undefined : seconds * 1000,
    expiration: text(death, 'original-expiration'),
    origin: {
      ...(exchange === undefined ? {} : { exchange }),
      ...(routingKey === undefined ? {} : { routingKey }),
    },
  }
}

function firstText(array: Buffer | undefined): string | undefined {
  if (array?.[0] !== ARRAY || array[ARRAY_HEAD] !== LONG_STRING) return undefined
  const start = ARRAY_HEAD + 1
  return array.toString('utf8', start + 4, start + 4 + array.readUInt32BE(start))
}

const BOOLEAN = 0x74

function plainText(value: Buffer | undefined): string | undefined {
  if (value === undefined) return undefined
  if (value[0] === BOOLEAN) return String(value[1] !== 0)
  return textOf(value) ?? integerOf(value)?.toString()
}

function text(headers: TableEditor, name: string): string | undefined {
  const value = headers.get(name)
  return value && textOf(value)
}

function whole(headers: TableEditor, name: string): number | undefined {
  const value = headers.get(name)
  return value && integerOf(value)
}
