import type { AmqpConnection } from '#lib/amqp/connection.ts'
import {
  openRawPublisher,
  type RawPublisher,
  type RawPublisherEvents,
} from '#lib/amqp/raw-publisher.ts'
import { describeError, type Log } from '#lib/log.ts'
import { within } from '#lib/within.ts'

/** Keeps a publishing channel open on whatever connection to the destination there is. */
export interface Outlet {
  /** Opens a channel on this connection. */
  attach(connection: AmqpConnection): void
  /** Opens another channel in the place of the one that there is; nothing may be unconfirmed on it. */
  renew(): void
  /** Ends the channel without waiting; opens no other. */
  close(): void
}

export interface OutletOptions {
  readonly events: RawPublisherEvents
  readonly onReady: (publisher: RawPublisher) => void
  readonly log: Log
}

/** A broker that refuses a channel, e.g. over its limit, is asked again after this. */
const RETRY_MS = 1000
const OPEN_MS = 10_000

export function createOutlet({ events, onReady, log }: OutletOptions): Outlet {
  let publisher: RawPublisher | undefined
  /** Where it is open. */
  let current: AmqpConnection | undefined
  let closed = false
  let retry: NodeJS.Timeout | undefined

  const attach = (connection: AmqpConnection) => {
    open(connection).catch((error) => {
      if (closed || !connection.isOpen()) return // The next connection will be attached.
      log.warn({ err: describeError(error) }, 'cannot open a publishing channel')
      retry = setTimeout(() => attach(connection), RETRY_MS)
    })
  }
  const open = async (connection: AmqpConnection) => {
    const opening = openRawPublisher(connection, {
      ...events,
      onEnd: (end) => {
        log.warn({ err: describeError(end.error) }, 'publishing channel ended')
        events.onEnd(end)
        if (!closed && !end.connectionLost) attach(connection)
      },
    })
    const opened = await within(opening, OPEN_MS, () => {
      const late = new Error('the broker does not open a channel')
      connection.destroy(late)
      return late
    })
    if (closed) return opened.close()
    publisher = opened
    current = connection
    onReady(opened)
  }
  return {
    attach,
    renew: () => {
      if (closed || current === undefined) return
      publisher?.close()
      attach(current)
    },
    close: () => {
      closed = true
      clearTimeout(retry)
      publisher?.close()
    },
  }
}
