import { setTimeout as sleep } from 'node:timers/promises'
import type { AmqpConnection } from '#lib/amqp/connection.ts'
import type { Delivery } from '#lib/amqp/consumer.ts'
import { openRawPublisher, type RawPublisher } from '#lib/amqp/raw-publisher.ts'
import { describeError, type Log } from '#lib/log.ts'
import { within } from '#lib/within.ts'
import { CopyRefused, parkedCopyOf } from './copy.ts'

/** Puts single messages into the parking queue. */
export interface Parking {
  /**
   * Resolves with true once the broker has confirmed the message in the parking queue; with false when
   * the broker cannot take it in this form (too large, unreadable).
   * @throws {Error} it was not possible now
   */
  park(delivery: Delivery, reason: string, error: string): Promise<boolean>
  close(withinMs: number): Promise<void>
}

export interface ParkingOptions {
  /** To the source's broker. */
  readonly connect: () => Promise<AmqpConnection>
  readonly queue: string
  /** The parking queue was not there. */
  readonly declare: (connection: AmqpConnection) => Promise<void>
}

/** A quorum queue that has a majority confirms within milliseconds; a disk may have a bad time. */
const CONFIRM_MS = 10_000
const CLOSE_MS = 500

/** A broker's way to say that a message is larger than it takes. */
const PRECONDITION_FAILED = 406

/** Why a message was not taken. */
class NotParked extends Error {
  override readonly name = 'NotParked'
  readonly why: 'returned' | 'refused' | 'lost'

  constructor(why: NotParked['why'], detail: string) {
    super(`the parking queue did not take the message: ${detail}`)
    this.why = why
  }
}

/**
 * Over a connection of its own, opened with the first message: under an alarm the broker reads nothing
 * more from a connection that publishes, and the source's acks must go through.
 */
export function createParking(options: ParkingOptions): Parking {
  let channel: Promise<Channel> | undefined
  let last: Promise<unknown> = Promise.resolve()

  const attempt = async (delivery: Delivery, reason: string, error: string) => {
    channel ??= openChannel(options)
    const opened = await channel.catch((failure) => {
      channel = undefined
      throw failure
    })
    try {
      const properties = parkedCopyOf(delivery, { reason, error, nowMs: Date.now() })
      await opened.publish(options.queue, properties, delivery.body)
      return true
    } catch (failure) {
      if (failure instanceof CopyRefused || failure instanceof RangeError) return false
      if (failure instanceof NotParked && failure.why === 'returned') {
        await options.declare(opened.connection)
        throw failure
      }
      channel = undefined
      await opened.connection.close(CLOSE_MS)
      if (failure instanceof NotParked && failure.why === 'refused') return false
      throw failure
    }
  }
  return {
    // One after the other, so that an outcome belongs to the message under way.
    park: (delivery, reason, error) => {
      const parked = last.then(() => attempt(delivery, reason, error))
      last = parked.catch(() => {})
      return parked
    },
    close: async (withinMs) => {
      const opened = await channel?.catch(() => undefined)
      await opened?.connection.close(withinMs)
    },
  }
}

export interface ParkingWay {
  readonly parking: Parking
  /** Whether what is rejected surely reaches the parking queue. */
  readonly parksByItself: boolean
  /** Rejects the delivery. */
  readonly handBack: () => void
  /** Nobody waits for it any more: the message has gone back with its channel. */
  readonly isOver: () => boolean
  readonly onParked: (delivery: Delivery, reason: string) => void
  readonly log: Log
}

const RETRY_MS = 1000

/** Parks a message however long it takes. What cannot be published in any form is left to the broker. */
export async function parkUntilSafe(
  delivery: Delivery,
  reason: string,
  error: string,
  { parking, parksByItself, handBack, isOver, onParked, log }: ParkingWay,
): Promise<'parked' | 'handed-back'> {
  while (!isOver()) {
    try {
      const parked = await parking.park(delivery, reason, error)
      if (!parked && !parksByItself) throw new Error('the broker does not take it in this form')
      if (!parked) handBack()
      onParked(delivery, reason)
      return parked ? 'parked' : 'handed-back'
    } catch (failure) {
      log.error({ reason, err: describeError(failure) }, 'message cannot be parked yet')
      await sleep(RETRY_MS)
    }
  }
  return 'handed-back'
}

interface Channel {
  readonly connection: AmqpConnection
  /** Resolves with the confirm. @throws {NotParked | RangeError} */
  publish(queue: string, properties: Buffer, body: Buffer): Promise<void>
}

async function openChannel({ connect }: ParkingOptions): Promise<Channel> {
  const connection = await connect()
  let returned = false
  let settle = (_: NotParked | undefined) => {}
  const publisher: RawPublisher = await openRawPublisher(connection, {
    onReturn: () => {
      returned = true
    },
    onConfirm: () => settle(returned ? new NotParked('returned', 'it is not there') : undefined),
    onNack: () => settle(new NotParked('lost', 'nacked')),
    onEnd: ({ code, error }) =>
      settle(new NotParked(code === PRECONDITION_FAILED ? 'refused' : 'lost', error.message)),
  })
  return {
    connection,
    publish: (queue, properties, body) => {
      const confirmed = new Promise<void>((resolve, reject) => {
        returned = false
        settle = (failure) => (failure ? reject(failure) : resolve())
        publisher.publish('', queue, properties, body)
      })
      return within(confirmed, CONFIRM_MS, () => new NotParked('lost', 'no confirm in time'))
    },
  }
}
