import type { Deadline } from '#lib/deadline.ts'
import { WarrenError } from '#lib/errors.ts'
import type { AmqpConnection } from './connection.ts'
import { publishError, sizeLimit } from './errors.ts'
import type { OutgoingMessage } from './message.ts'
import type { PublisherMeter } from './meter.ts'
import { encodeProperties } from './raw-encoding.ts'
import { PROPERTY, shortStringText, splitProperties } from './raw-properties.ts'
import { openRawPublisher, type RawPublisher, type Returned } from './raw-publisher.ts'
import { createSlots } from './slots.ts'
import { createUnconfirmed, type Unconfirmed } from './unconfirmed.ts'

/** The connection ended under a publish: closed by the peer, or found dead. It may be sent again. */
export class ConnectionEnded extends Error {
  override readonly name = 'ConnectionEnded'
  /** Whether the message was on the wire by then. */
  readonly written: boolean

  constructor(written: boolean, cause?: unknown) {
    super('the connection ended', { cause })
    this.written = written
  }
}

/** A confirm channel that carries the publishes to one exchange, so that they cannot hurt others. */
export interface ExchangeChannel {
  /** Takes a place at once, if there is one and no publish with the same id is under way. */
  reserveNow(messageId: string): boolean
  /**
   * Waits for a place, and until no publish with the same id is under way.
   * @returns false when the channel is not to be used any more: take another one
   * @throws {WarrenError} overloaded, when the deadline passes first
   */
  reserve(messageId: string, deadline: Deadline): Promise<boolean>
  /** Gives a reserved place back unused. */
  cancel(): void
  /**
   * Writes the message to the place reserved for it, see canPublish; resolves with the confirm: was it routed?
   * @throws {WarrenError | ConnectionEnded}
   */
  publish(message: OutgoingMessage, deadline: Deadline): Promise<boolean>
  isUsable(): boolean
  /** Usable, and no publish with the same id is under way. */
  canPublish(messageId: string): boolean
  /** Nothing is under way or waiting on it. */
  isIdle(): boolean
  /** When the oldest unconfirmed message was written, or undefined. */
  oldestWriteMs(): number | undefined
  /** Takes no more publishes; closes as soon as those under way are settled. */
  retire(): void
  /** The connection has ended: settles all that is under way with `verdict()`. */
  connectionEnded(verdict: () => Error): void
}

export interface ExchangeChannelOptions {
  readonly connection: AmqpConnection
  /** A confirm is late; resolves once it is known what that means for the connection. */
  readonly onLate: () => Promise<void>
  /** The broker told its `max_message_size`, in bytes. */
  readonly onSizeLimit: (bytes: number) => void
  readonly meter: PublisherMeter
}

// A queue that stops confirms makes the broker's credit flow stall the whole connection from about
// 430 unconfirmed messages on one channel (measured, RabbitMQ 3.10).
const MAX_UNCONFIRMED = 256

/**
 * A quorum queue that was full refuses a channel for ever, also after its limit was lifted (seen with
 * RabbitMQ 3.10), but no new one: so a channel is replaced this long after the first refusal of a row.
 */
export const REFUSED_MS = 1000

/** Opens a channel. @throws {Error} amqplib's, when the broker refuses it or the connection ends */
export async function openExchangeChannel(
  options: ExchangeChannelOptions,
): Promise<ExchangeChannel> {
  const { connection, meter } = options
  const slots = createSlots(MAX_UNCONFIRMED)
  let reserved = 0
  let usable = true
  let refusedSinceMs: number | undefined

  const retire = () => {
    if (!usable) return
    usable = false
    slots.giveUp()
    closeIfDone()
  }
  const closeIfDone = () => {
    if (!usable && unconfirmed.count() === 0 && reserved === 0) channel.close()
  }
  const unconfirmed = createUnconfirmed({
    onLate: async () => {
      retire()
      await options.onLate()
      throw new WarrenError('confirm-timeout')
    },
    onSettled: () => {
      meter.inFlight(-1)
      slots.give()
      closeIfDone()
    },
  })
  const settleAll = (verdict: (message: Unconfirmed) => Error) => {
    retire()
    for (const message of unconfirmed.all()) unconfirmed.settle(message, verdict(message))
  }
  const channel = await openRawPublisher(connection, {
    onConfirm: (number, multiple) => {
      refusedSinceMs = undefined
      for (const message of unconfirmed.upTo(number, multiple)) {
        meter.confirmed(performance.now() - message.writtenMs)
        if (message.returned) meter.returned()
        unconfirmed.settle(message, !message.returned)
      }
    },
    onNack: (number, multiple) => {
      refusedSinceMs ??= performance.now()
      for (const message of unconfirmed.upTo(number, multiple)) {
        meter.nacked()
        unconfirmed.settle(message, new WarrenError('nacked'))
      }
    },
    onReturn: (returned) => {
      const message = unconfirmed.withId(messageIdOf(returned))
      if (message) message.returned = true
    },
    onEnd: (end) => {
      if (end.connectionLost) return // See connectionEnded.
      noteSizeLimit(end.error, options)
      settleAll(channelVerdict(end.error, unconfirmed.count()))
    },
  })

  const retireIfRefused = () => {
    if (refusedSinceMs !== undefined && performance.now() - refusedSinceMs >= REFUSED_MS) retire()
  }
  const reserveNow = (messageId: string) => {
    retireIfRefused()
    if (!usable || unconfirmed.withId(messageId) !== undefined || !slots.takeNow()) return false
    reserved += 1
    return true
  }
  return {
    reserveNow,
    reserve: async (messageId, deadline) => {
      retireIfRefused()
      for (;;) {
        if (!(await slots.take(deadline)) || !usable) return false
        if (unconfirmed.withId(messageId) === undefined) break
        slots.give()
        await unconfirmed.settled(messageId, deadline)
      }
      reserved += 1
      return true
    },
    cancel: () => {
      reserved -= 1
      slots.give()
      closeIfDone()
    },
    publish: (message, deadline) => {
      reserved -= 1
      try {
        const number = write(channel, message)
        meter.inFlight(1)
        return unconfirmed.add(message, number, deadline)
      } catch (error) {
        slots.give()
        throw error
      }
    },
    canPublish: (messageId) => usable && unconfirmed.withId(messageId) === undefined,
    isUsable: () => usable,
    isIdle: () => unconfirmed.count() === 0 && reserved === 0,
    oldestWriteMs: unconfirmed.oldestWriteMs,
    retire,
    connectionEnded: settleAll,
  }
}

/** @throws {ConnectionEnded | WarrenError} nothing was written: the channel is gone, or a value does not fit */
function write(
  channel: RawPublisher,
  { exchange, routingKey, body, properties }: OutgoingMessage,
): number {
  if (!channel.isOpen()) throw new ConnectionEnded(false)
  try {
    return channel.publish(exchange, routingKey, encodeProperties(properties), body)
  } catch (cause) {
    throw new WarrenError('invalid-request', { detail: String(cause), cause })
  }
}

function messageIdOf({ properties }: Returned): string {
  const bytes = splitProperties(properties)[PROPERTY.messageId]
  return bytes === undefined ? '' : shortStringText(bytes)
}

/** What becomes of the messages on a channel that the broker closed. */
function channelVerdict(closeError: Error, unconfirmed: number): (message: Unconfirmed) => Error {
  const lost = () => new WarrenError('channel-lost', { cause: closeError })
  if (unconfirmed !== 1) return lost
  return ({ messageId, exchange }) => publishError(closeError, { exchange, messageId }) ?? lost()
}

function noteSizeLimit(error: Error, { onSizeLimit }: ExchangeChannelOptions): void {
  const limit = sizeLimit(error)
  if (limit !== undefined) onSizeLimit(limit)
}
