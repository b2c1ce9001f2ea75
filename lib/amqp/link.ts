import type { Deadline } from '#lib/deadline.ts'
import { WarrenError } from '#lib/errors.ts'
import { within } from '#lib/within.ts'
import { closeQuietly } from './channel-end.ts'
import { type ChannelsOptions, createChannels } from './channels.ts'
import type { AmqpConnection } from './connection.ts'
import { ConnectionEnded, type ExchangeChannel } from './exchange-channel.ts'

/** One connection of the publisher with what is known about it: can it be trusted, is it blocked? */
export interface Link {
  readonly connection: AmqpConnection
  /** Open, and neither blocked nor suspect nor long idle: a message may be written without a probe. */
  isTrusted(): boolean
  isOpen(): boolean
  /** The broker said `blocked`, or the link was ended for it. */
  isBlocked(): boolean
  /** The process did not run for a while: nothing counts until a probe started after this answers. */
  suspect(): void
  /**
   * Opens and closes a channel to find out whether the broker answers, within 700 ms. If it does
   * not, the link is ended. Callers at the same time share one probe.
   */
  probe(): Promise<boolean>
  /** The exchange's channel with a place reserved on it, when that needs no waiting. */
  reserveNow(exchange: string, messageId: string): ExchangeChannel | undefined
  /**
   * The exchange's channel with a place reserved on it for this message; opens one if need be.
   * @throws {WarrenError} exchange-not-found; overloaded, when there is no place until the deadline
   * @throws {ConnectionEnded} the connection ended, or the broker did not answer in time
   */
  reserve(exchange: string, messageId: string, deadline: Deadline): Promise<ExchangeChannel>
  /** Ends it with a reset; what was written and not confirmed becomes a ConnectionEnded. */
  end(why: string): void
  /** Waits until nothing is under way, at most `graceMs`, then closes in order. */
  close(graceMs: number): Promise<void>
}

export interface LinkOptions extends ChannelsOptions {
  /** The link was ended because the broker is under alarm. */
  readonly onBlocked: () => void
}

/** A broker that answers at all answers a channel.open within this, cross-region included. */
const PROBE_MS = 700
/** Longer without a byte from the broker: ask before writing. */
const IDLE_MS = 5000
/** After `blocked`, acks of earlier publishes still come in for this long. */
const BLOCKED_GRACE_MS = 150
const CLOSE_MS = 500
const POLL_MS = 20

export function createLink(options: LinkOptions): Link {
  const { connection, onBlocked } = options
  let isSuspect = false
  let epoch = 0
  let probing: Promise<boolean> | undefined
  let blocked = false
  let grace: NodeJS.Timeout | undefined
  const channels = createChannels(options, () => judgeLate())

  connection.onBlocked(() => {
    blocked = true
    grace = setTimeout(() => {
      end('the broker is under alarm')
      onBlocked()
    }, BLOCKED_GRACE_MS)
  })
  connection.onUnblocked(() => {
    if (!connection.isOpen()) return
    clearTimeout(grace)
    blocked = false
  })
  connection.onClosed((reason) => {
    clearTimeout(grace)
    channels.connectionEnded(() =>
      blocked
        ? new WarrenError('blocked-in-flight', { cause: reason })
        : new ConnectionEnded(true, reason),
    )
  })

  const end = (why: string) => connection.destroy(new Error(why))

  const probe = () => {
    if (probing) return probing
    const started = epoch
    const asked = ask(connection).then((answers) => {
      if (probing === asked) probing = undefined
      if (!answers) end('the broker did not answer a probe')
      else if (started === epoch) isSuspect = false
      return answers
    })
    probing = asked
    return asked
  }

  /** A confirm is late: if the broker has been silent since the oldest write, find out if it lives. */
  const judgeLate = async () => {
    const oldest = channels.oldestWriteMs() ?? 0
    if (connection.lastInboundMs() < oldest) await probe()
  }

  return {
    connection,
    isTrusted: () =>
      connection.isOpen() &&
      !blocked &&
      !isSuspect &&
      performance.now() - connection.lastInboundMs() < IDLE_MS,
    isOpen: connection.isOpen,
    isBlocked: () => blocked,
    suspect: () => {
      isSuspect = true
      epoch += 1
      probing = undefined
    },
    probe,
    reserveNow: channels.reserveNow,
    reserve: channels.reserve,
    end,
    close: async (graceMs) => {
      const until = performance.now() + graceMs
      while (!channels.areIdle() && connection.isOpen() && performance.now() < until) {
        await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      }
      await connection.close(CLOSE_MS)
    },
  }
}

/** Whether the broker answers a channel.open in time. */
async function ask(connection: AmqpConnection): Promise<boolean> {
  try {
    const late = () => new Error('no answer')
    closeQuietly(await within(connection.model.createChannel(), PROBE_MS, late))
    return true
  } catch {
    return false // Late, or the connection has ended: it is of no use either way.
  }
}
