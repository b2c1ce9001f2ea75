import { setTimeout as sleep } from 'node:timers/promises'
import { type Deadline, remainingMs } from '#lib/deadline.ts'
import { WarrenError } from '#lib/errors.ts'
import { within } from '#lib/within.ts'
import { closeQuietly } from './channel-end.ts'
import type { AmqpConnection } from './connection.ts'
import { ConnectionEnded, type ExchangeChannel, openExchangeChannel } from './exchange-channel.ts'
import type { PublisherMeter } from './meter.ts'

export interface ChannelsOptions {
  readonly connection: AmqpConnection
  /** Channels kept open, for as many exchanges. */
  readonly maxChannels: number
  readonly onSizeLimit: (bytes: number) => void
  readonly meter: PublisherMeter
}

/** The confirm channels of one connection: one per exchange, the least recently used evicted. */
export interface Channels {
  /** See Link.reserveNow. */
  reserveNow(exchange: string, messageId: string): ExchangeChannel | undefined
  /** See Link.reserve. */
  reserve(exchange: string, messageId: string, deadline: Deadline): Promise<ExchangeChannel>
  oldestWriteMs(): number | undefined
  areIdle(): boolean
  connectionEnded(verdict: () => Error): void
}

/** A channel that had to be given up is opened again at most once in this time. */
const REOPEN_MS = 1000
/** No answer to channel.open for this long: the connection is of no use. */
const OPEN_MS = 2000
/** How long "there is no such exchange" is believed without asking again. */
const MISSING_MS = 1000
const MISSING_KEPT = 1000
const POLL_MS = 10

interface Place {
  readonly openedMs: number
  readonly opening: Promise<ExchangeChannel>
  channel?: ExchangeChannel
  /** Who waits for it to open or for a place on it: it must not be evicted meanwhile. */
  waiting: number
}

export function createChannels(options: ChannelsOptions, onLate: () => Promise<void>): Channels {
  const { connection, maxChannels } = options
  const places = new Map<string, Place>() // least recently used first
  let latest: Place | undefined // the last of them
  const missing = new Map<string, number>()
  const all = new Set<ExchangeChannel>()

  const reserve = async (exchange: string, messageId: string, deadline: Deadline) => {
    refuseMissing(missing, exchange)
    for (;;) {
      const place = places.get(exchange)
      if (place === undefined) {
        if (makeRoom()) add(exchange)
        else {
          await mustExist(exchange)
          await waitForRoom(deadline, () => places.has(exchange) || makeRoom())
        }
        continue
      }
      const channel = await reserveIn(place, messageId, deadline)
      if (channel) {
        touch(exchange, place)
        return channel
      }
      await pause(place.openedMs + REOPEN_MS, deadline)
      if (places.get(exchange) === place) places.delete(exchange)
    }
  }
  const reserveNow = (exchange: string, messageId: string) => {
    const place = places.get(exchange)
    if (!place?.channel?.reserveNow(messageId)) return undefined
    touch(exchange, place)
    return place.channel
  }
  const touch = (exchange: string, place: Place) => {
    if (place === latest) return
    latest = place
    places.delete(exchange)
    places.set(exchange, place)
  }
  const mustExist = async (exchange: string) => {
    if (await answered(connection, hasExchange(connection, exchange))) return
    missing.set(exchange, performance.now() + MISSING_MS)
    if (missing.size > MISSING_KEPT) missing.delete(missing.keys().next().value as string)
    throw new WarrenError('exchange-not-found', { exchange })
  }
  const add = (exchange: string) => {
    const place: Place = { openedMs: performance.now(), opening: open(exchange), waiting: 0 }
    places.set(exchange, place)
    latest = place
    place.opening.then(
      (channel) => {
        place.channel = channel
      },
      () => {
        if (places.get(exchange) === place) places.delete(exchange)
      },
    )
  }
  /** The check and the opening go out together: one round trip less on a cold start. */
  const open = async (exchange: string) => {
    const opening = answered(connection, openExchangeChannel({ ...options, onLate }))
    try {
      await mustExist(exchange)
    } catch (error) {
      opening.then(
        (unused) => unused.retire(),
        () => {},
      )
      throw error
    }
    const channel = await opening
    for (const old of all) if (!old.isUsable() && old.isIdle()) all.delete(old)
    all.add(channel)
    return channel
  }
  /** Evicts the least recently used idle channel if need be; false when all are busy. */
  const makeRoom = () => {
    if (places.size < maxChannels) return true
    for (const [exchange, { channel, waiting }] of places) {
      if (channel === undefined || waiting > 0) continue
      if (channel.isUsable() && !channel.isIdle()) continue
      channel.retire()
      places.delete(exchange)
      return true
    }
    return false
  }
  return {
    reserveNow,
    reserve,
    oldestWriteMs: () => earliest([...all].map((channel) => channel.oldestWriteMs())),
    areIdle: () => [...all].every((channel) => channel.isIdle()),
    connectionEnded: (verdict) => {
      for (const channel of all) channel.connectionEnded(verdict)
    },
  }
}

/** A place on the channel for this message; undefined when the channel is not to be used any more. */
async function reserveIn(
  place: Place,
  messageId: string,
  deadline: Deadline,
): Promise<ExchangeChannel | undefined> {
  place.waiting += 1
  try {
    const channel = place.channel ?? (await within(place.opening, remainingMs(deadline), busy))
    return (await channel.reserve(messageId, deadline)) ? channel : undefined
  } finally {
    place.waiting -= 1
  }
}

const busy = () => new WarrenError('overloaded')

function refuseMissing(missing: Map<string, number>, exchange: string): void {
  const until = missing.get(exchange)
  if (until === undefined) return
  if (performance.now() < until) throw new WarrenError('exchange-not-found', { exchange })
  missing.delete(exchange)
}

const earliest = (times: readonly (number | undefined)[]): number | undefined => {
  const known = times.filter((time) => time !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}

/** @throws {WarrenError} overloaded, when that is later than the deadline */
async function pause(untilMs: number, deadline: Deadline): Promise<void> {
  if (untilMs > deadline.atMs) throw busy()
  const ms = untilMs - performance.now()
  if (ms > 0) await sleep(ms)
}

async function waitForRoom(deadline: Deadline, hasRoom: () => boolean): Promise<void> {
  while (!hasRoom()) {
    if (remainingMs(deadline) <= 0) throw busy()
    await sleep(POLL_MS)
  }
}

/** Passively declares it on a throw-away channel: a missing exchange closes the channel that asks. */
async function hasExchange(connection: AmqpConnection, exchange: string): Promise<boolean> {
  const channel = await connection.model.createChannel()
  try {
    await channel.checkExchange(exchange)
    return true
  } catch (error) {
    if ((error as { code?: number }).code === 404) return false
    throw error
  } finally {
    closeQuietly(channel)
  }
}

/**
 * The broker's answer to something that goes before a message.
 * @throws {ConnectionEnded} it gave none in time (then the connection is ended), or has gone
 * @throws {WarrenError} it refused
 */
async function answered<T>(connection: AmqpConnection, asking: Promise<T>): Promise<T> {
  let late: Error | undefined
  try {
    return await within(asking, OPEN_MS, () => {
      late = new Error('the broker did not answer')
      return late
    })
  } catch (error) {
    if (late) connection.destroy(late)
    if (!connection.isOpen()) throw new ConnectionEnded(false, error)
    throw refusedError(error)
  }
}

function refusedError(cause: unknown): WarrenError {
  if ((cause as { code?: unknown }).code === 403) {
    return new WarrenError('broker-misconfigured', { cause })
  }
  // amqplib could not encode the name, or has no channel number left.
  return new WarrenError(cause instanceof TypeError ? 'invalid-request' : 'overloaded', { cause })
}
