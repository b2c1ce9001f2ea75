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
import { type Death, deathsOf, isHarmful } from '#relay/deaths.ts'
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
  const death = deathBefore(editTable(splitProperties(delivery.properties)[PROPERTY.headers]))
  const { exchange = delivery.exchange, routingKey: key = delivery.routingKey } = death ?? {}
  const original = { ...delivery, exchange, routingKey: key }
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

/** What brought it here, if that was the broker: the relay notes all in headers of its own. */
function deathBefore(headers: TableEditor): Death | undefined {
  return headers.get(HEADER.reason) || isHarmful(headers) ? undefined : deathsOf(headers)[0]
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
