import type { ConfirmChannel, Message } from 'amqplib'
import { type Deadline, remainingMs } from '#lib/deadline.ts'
import { WarrenError } from '#lib/errors.ts'
import type { AmqpConnection } from './connection.ts'
import { publishError, sizeLimit } from './errors.ts'
import type { OutgoingMessage } from './message.ts'
import type { PublisherMeter } from './meter.ts'
import { createSlots } from './slots.ts'

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
  /**
   * Waits for a place, and until no publish with the same id is under way.
   * @returns false when the channel is not to be used any more: take another one
   * @throws {WarrenError} overloaded, when the deadline passes first
   */
  reserve(messageId: string, deadline: Deadline): Promise<boolean>
  /** Gives the place of `reserve` back unused. */
  cancel(): void
  /**
   * Writes the message to the place reserved for it; resolves with the confirm: was it routed?
   * @throws {WarrenError | ConnectionEnded}
   */
  publish(message: OutgoingMessage, deadline: Deadline): Promise<boolean>
  isUsable(): boolean
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
  readonly channel: ConfirmChannel
  /** A confirm is late; resolves once it is known what that means for the connection. */
  readonly onLate: () => Promise<void>
  /** The broker told its `max_message_size`, in bytes. */
  readonly onSizeLimit: (bytes: number) => void
  readonly meter: PublisherMeter
}

// A queue that stops confirms makes the broker's credit flow stall the whole connection from about
// 430 unconfirmed messages on one channel (measured, RabbitMQ 3.10).
const MAX_UNCONFIRMED = 256

/** A confirm is late after this; on a healthy broker the slowest take some 100 ms. */
const CONFIRM_LATE_MS = 2500
/** And this much later for each byte: 1 s for 10 MB, which a slow network may take to carry. */
const LATE_MS_PER_BYTE = 1000 / 10_000_000

interface Entry {
  readonly exchange: string
  readonly bytes: number
  readonly writtenMs: number
  returned: boolean
  readonly done: Promise<boolean>
  readonly settle: (outcome: boolean | Error) => void
}

export function createExchangeChannel(options: ExchangeChannelOptions): ExchangeChannel {
  const { channel, connection, meter } = options
  const slots = createSlots(MAX_UNCONFIRMED)
  const entries = new Map<string, Entry>()
  let reserved = 0
  let usable = true
  let closeError: Error | undefined

  const retire = () => {
    if (!usable) return
    usable = false
    slots.giveUp()
    closeIfDone()
  }
  const closeIfDone = () => {
    if (usable || entries.size > 0 || reserved > 0) return
    closeQuietly(channel)
  }
  const remove = (id: string) => {
    entries.delete(id)
    meter.inFlight(-1)
    slots.give()
    closeIfDone()
  }
  channel.on('error', (error: Error) => {
    closeError = error
  })
  channel.on('return', (message: Message) => {
    const entry = entries.get(message.properties.messageId)
    if (entry) entry.returned = true
  })
  const settleAll = (verdict: (messageId: string, exchange: string) => Error) => {
    retire()
    for (const [id, entry] of entries) entry.settle(verdict(id, entry.exchange))
  }
  // When the whole connection ends, channels close first: a microtask later it is known which it is.
  channel.on('close', () =>
    queueMicrotask(() => {
      if (!connection.isOpen()) return
      if (closeError) noteSizeLimit(closeError, options)
      settleAll(channelVerdict(closeError, entries.size))
    }),
  )

  const publish = (message: OutgoingMessage, deadline: Deadline) => {
    reserved -= 1
    const id = message.properties.messageId
    const entry = createEntry(message, () => remove(id))
    try {
      write(channel, message, (nacked) => onConfirm(entry, nacked, meter))
    } catch (error) {
      slots.give()
      throw unwritten(error)
    }
    entries.set(id, entry)
    meter.inFlight(1)
    return awaitConfirm(entry, deadline, async () => {
      retire()
      await options.onLate()
    })
  }
  return {
    reserve: async (id, deadline) => {
      for (;;) {
        if (!(await slots.take(deadline)) || !usable) return false
        const same = entries.get(id)
        if (same === undefined) break
        slots.give()
        await settledBy(same, deadline)
      }
      reserved += 1
      return true
    },
    cancel: () => {
      reserved -= 1
      slots.give()
      closeIfDone()
    },
    publish,
    isUsable: () => usable,
    isIdle: () => entries.size === 0 && reserved === 0,
    oldestWriteMs: () => entries.values().next().value?.writtenMs,
    retire,
    connectionEnded: settleAll,
  }
}

function createEntry({ exchange, body }: OutgoingMessage, onSettled: () => void): Entry {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>()
  promise.catch(() => {}) // The request may have been answered already.
  let settled = false
  const settle = (outcome: boolean | Error) => {
    if (settled) return
    settled = true
    onSettled()
    if (outcome instanceof Error) reject(outcome)
    else resolve(outcome)
  }
  const writtenMs = performance.now()
  return { exchange, bytes: body.length, writtenMs, returned: false, done: promise, settle }
}

/**
 * Waits for the confirm, at most until the deadline. The entry stays on the channel after a deadline:
 * its confirm, or its being late, still frees the place.
 */
function awaitConfirm(
  entry: Entry,
  deadline: Deadline,
  onLate: () => Promise<void>,
): Promise<boolean> {
  const timeout = () => new WarrenError('confirm-timeout')
  const late = setTimeout(
    () => {
      onLate().then(
        () => entry.settle(timeout()),
        (error) => entry.settle(error),
      )
    },
    CONFIRM_LATE_MS + entry.bytes * LATE_MS_PER_BYTE,
  )
  return new Promise((resolve, reject) => {
    const due = setTimeout(() => reject(timeout()), Math.max(0, remainingMs(deadline)))
    const settled = () => {
      clearTimeout(late)
      clearTimeout(due)
    }
    entry.done.then(resolve, reject).finally(settled)
  })
}

/** What becomes of the messages on a channel that the broker closed. */
function channelVerdict(
  closeError: Error | undefined,
  unconfirmed: number,
): (messageId: string, exchange: string) => Error {
  const lost = () => new WarrenError('channel-lost', { cause: closeError })
  if (closeError === undefined || unconfirmed !== 1) return lost
  return (messageId, exchange) => publishError(closeError, { exchange, messageId }) ?? lost()
}

function noteSizeLimit(error: Error, { onSizeLimit }: ExchangeChannelOptions): void {
  const limit = sizeLimit(error)
  if (limit !== undefined) onSizeLimit(limit)
}

/** The broker's answer to one message: confirmed (and returned before, or not), or refused. */
function onConfirm(entry: Entry, nacked: Error | null, meter: PublisherMeter): void {
  if (nacked && !isNack(nacked)) return
  if (nacked) {
    meter.nacked()
    entry.settle(new WarrenError('nacked'))
    return
  }
  meter.confirmed(performance.now() - entry.writtenMs)
  if (entry.returned) meter.returned()
  entry.settle(!entry.returned)
}

/** amqplib gives a nack and a closed channel to the same callback; the latter is told by 'close'. */
const isNack = (error: Error): boolean => error.message === 'message nacked'

function write(
  channel: ConfirmChannel,
  { exchange, routingKey, body, properties }: OutgoingMessage,
  onConfirm: (error: Error | null) => void,
): void {
  channel.publish(exchange, routingKey, body, { ...properties, mandatory: true }, onConfirm)
}

/** What amqplib throws at once was not written: the channel is gone, or a value does not fit. */
function unwritten(error: unknown): Error {
  if (error instanceof Error && error.name === 'IllegalOperationError') {
    return new ConnectionEnded(false, error)
  }
  return new WarrenError('invalid-request', { detail: String(error), cause: error })
}

function settledBy(entry: Entry, deadline: Deadline): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new WarrenError('overloaded')),
      Math.max(0, remainingMs(deadline)),
    )
    const settled = () => {
      clearTimeout(timer)
      resolve()
    }
    entry.done.then(settled, settled)
  })
}

/** Closes a channel without waiting for the broker's answer; one that is closed already is fine. */
export function closeQuietly(channel: { close(): Promise<void> }): void {
  channel.close().catch(() => {})
}
