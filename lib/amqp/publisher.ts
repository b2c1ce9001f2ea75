import type { BrokerSettings } from '#lib/config.ts'
import { type Deadline, deadlineIn, remainingMs } from '#lib/deadline.ts'
import { WarrenError } from '#lib/errors.ts'
import type { Log } from '#lib/log.ts'
import { within } from '#lib/within.ts'
import { askCanary } from './canary.ts'
import { openConnection } from './connection.ts'
import { connectError, isLoginRefused } from './errors.ts'
import { ConnectionEnded } from './exchange-channel.ts'
import { type FreezeWatch, watchFreezes } from './freeze.ts'
import { createLink, type Link } from './link.ts'
import type { OutgoingMessage, Publisher, Receipt } from './message.ts'
import { NO_METER, type PublisherMeter } from './meter.ts'

export interface PublisherOptions {
  readonly broker: BrokerSettings
  /** What the broker's console shows for the connection. */
  readonly connectionName: string
  readonly log: Log
  /**
   * The broker's URL, read when connecting; `fresh` after the login was refused, so that a rotated
   * password is found. @default `broker.url`
   */
  readonly readUrl?: (fresh: boolean) => Promise<string>
  /** Channels kept open, for as many exchanges. @default 3: what Amazon MQ allows per connection */
  readonly maxChannels?: number
  readonly meter?: PublisherMeter
}

const SECRET_MS = 1000
const CONNECT_MS = 2000
/** A gap in time longer than this makes a connection suspect. */
const GAP_MS = 2000
/** A second attempt needs this much: connect (2 s) and a late confirm would not fit into less. */
const SECOND_ATTEMPT_MS = 3000
/** After `blocked`, callers are told so at once for this long; then a canary finds out. */
const COOLING_MIN_MS = 3000
const COOLING_SPREAD_MS = 2000

/**
 * A publisher that tells the truth about each message within its deadline, whatever the broker does:
 * dead, frozen, partitioned, under alarm. It opens its one connection on first use.
 */
export function createPublisher(options: PublisherOptions): Publisher {
  const state: State = {
    options,
    current: undefined,
    link: undefined,
    coolingUntil: 0,
    proven: true,
    proving: undefined,
    limit: Number.POSITIVE_INFINITY,
    closing: false,
    freezes: watchFreezes((gap) => onGap(state, gap), GAP_MS),
  }
  return {
    publish: (message, deadline) => publish(state, message, deadline),
    noteActivity: state.freezes.note,
    ready: async (deadline) => {
      const link = await trustedLink(state, deadline)
      if (!(await within(link.probe(), remainingMs(deadline), unavailable))) throw unavailable()
    },
    close: async (graceMs) => {
      state.closing = true
      state.freezes.stop()
      const link = await state.current?.catch(() => undefined)
      await link?.close(graceMs)
    },
  }
}

interface State {
  readonly options: PublisherOptions
  /** The connection in use or being opened: one at a time, shared by all requests. */
  current: Promise<Link> | undefined
  /** The connection in use, once it is open. */
  link: Link | undefined
  /** On the clock of `performance.now()`: the broker is under alarm, do not touch it before. */
  coolingUntil: number
  /** False after an alarm, until the broker has confirmed something. */
  proven: boolean
  /** Settles when the message that goes first after an alarm is settled. */
  proving: Promise<void> | undefined
  /** The broker's `max_message_size` in bytes, once it told it. */
  limit: number
  /** No more messages are taken. */
  closing: boolean
  readonly freezes: FreezeWatch
}

/** A gap of 1.5 heartbeats: the broker may have given the connection up. Less: it must prove itself. */
function onGap(state: State, gapMs: number): void {
  void state.current?.then(
    (link) => {
      const heartbeatMs = (link.connection.heartbeatS || 60) * 1000
      if (gapMs > 1.5 * heartbeatMs) link.end('the process was frozen for too long')
      else link.suspect()
    },
    () => {}, // Whoever asked for the connection is told.
  )
}

/** One attempt, and a second one, with the same id, when the connection ended under the first. */
async function publish(
  state: State,
  message: OutgoingMessage,
  deadline: Deadline,
): Promise<Receipt> {
  let written = false
  for (let attempts = 1; ; attempts += 1) {
    try {
      if (attempts === 1) refuseOutright(state, message)
      const routed = await attempt(state, message, deadline)
      if (!routed && message.mandatory) throw new WarrenError('unroutable')
      return { routed, attempts }
    } catch (error) {
      const ended = error instanceof ConnectionEnded
      if (ended && error.written) written = true
      if (ended && attempts === 1 && remainingMs(deadline) >= SECOND_ATTEMPT_MS) continue
      throw withMessage(verdict(error, written), message)
    }
  }
}

function refuseOutright({ closing, limit }: State, { body }: OutgoingMessage): void {
  if (closing) throw new WarrenError('overloaded', { detail: 'This instance is shutting down.' })
  if (body.length > limit) throw new WarrenError('body-too-large', { maxBytes: limit })
}

/** @param written an attempt was, and may have found a queue: nobody can say "not published" any more */
function verdict(error: unknown, written: boolean): unknown {
  if (written) return new WarrenError('connection-lost', { cause: error })
  const ended = error instanceof ConnectionEnded
  return ended ? new WarrenError('broker-unavailable', { cause: error }) : error
}

/** Writes the message once, to a channel of a connection that can be trusted; was it routed? */
function attempt(state: State, message: OutgoingMessage, deadline: Deadline): Promise<boolean> {
  state.freezes.note()
  const channel = reserveNow(state, message, deadline)
  return channel?.publish(message, deadline) ?? attemptLater(state, message, deadline)
}

/** A place on a channel when nothing stands in the way; undefined when something must be waited for. */
function reserveNow({ link, proven }: State, message: OutgoingMessage, deadline: Deadline) {
  if (!proven || !link?.isTrusted() || remainingMs(deadline) <= 0) return undefined
  return link.reserveNow(message.exchange, message.properties.messageId)
}

async function attemptLater(
  state: State,
  message: OutgoingMessage,
  deadline: Deadline,
): Promise<boolean> {
  const { messageId } = message.properties
  for (;;) {
    const link = await trustedLink(state, deadline)
    const channel = await link.reserve(message.exchange, messageId, deadline)
    state.freezes.note()
    const usable = channel.canPublish(messageId)
    const ready = usable && link.isTrusted() && remainingMs(deadline) > 0
    if (ready && state.proven) return channel.publish(message, deadline)
    if (ready && !state.proving) return prove(state, link, channel.publish(message, deadline))
    channel.cancel()
    if (remainingMs(deadline) <= 0) throw new WarrenError('overloaded')
    await state.proving
  }
}

/** After an alarm and without a canary exchange, one message goes first and the others wait for it. */
function prove(state: State, link: Link, publishing: Promise<boolean>): Promise<boolean> {
  const settled = () => {
    state.proving = undefined
    if (!link.isBlocked()) proveFree(state)
  }
  state.proving = publishing.then(settled, settled)
  return publishing
}

function proveFree(state: State): void {
  if (state.proven) return
  state.proven = true
  ;(state.options.meter ?? NO_METER).blocked(false)
}

/** @throws {WarrenError} nothing was published */
async function trustedLink(state: State, deadline: Deadline): Promise<Link> {
  for (;;) {
    if (performance.now() < state.coolingUntil) throw new WarrenError('broker-blocked')
    const link =
      state.link ?? (await within(currentLink(state), remainingMs(deadline), unavailable))
    if (link.isTrusted()) return link
    if (link.isBlocked()) throw new WarrenError('broker-blocked')
    if (link.isOpen()) await within(link.probe(), remainingMs(deadline), unavailable)
  }
}

const unavailable = () => new WarrenError('broker-unavailable')

/** The connection in use, or the one being opened; a connection that ended is replaced. */
function currentLink(state: State): Promise<Link> {
  if (state.current) return state.current
  const opening = connectLink(state)
  const forget = () => {
    if (state.current === opening) state.current = state.link = undefined
  }
  opening.then((link) => {
    state.link = link
    link.connection.onClosed(forget)
  }, forget)
  state.current = opening
  return opening
}

async function connectLink(state: State): Promise<Link> {
  const { maxChannels = 3, log, meter = NO_METER } = state.options
  const connection = await connect(state.options)
  log.debug({ heartbeatS: connection.heartbeatS }, 'connected to the broker')
  meter.connected()
  connection.onClosed((reason) => log.info({ reason }, 'the connection to the broker ended'))
  const onBlocked = () => cool(state)
  const link = createLink({
    connection,
    maxChannels,
    onSizeLimit: (bytes) => {
      state.limit = bytes
    },
    onBlocked,
    meter,
  })
  if (!state.proven) await passCanary(state, link)
  return link
}

function cool(state: State): void {
  if (state.proven) (state.options.meter ?? NO_METER).blocked(true)
  state.proven = false
  state.coolingUntil = performance.now() + COOLING_MIN_MS + Math.random() * COOLING_SPREAD_MS
  state.options.log.warn({}, 'the broker is under alarm and takes no messages')
}

/** After an alarm, a message of nobody's finds out whether it is over. */
async function passCanary(state: State, link: Link): Promise<void> {
  const verdict = await askCanary(link.connection).catch((cause) => {
    link.end('the broker did not answer the canary')
    throw new WarrenError('broker-unavailable', { cause })
  })
  if (verdict === 'free') proveFree(state)
  if (verdict !== 'blocked') return
  link.end('the broker is still under alarm')
  cool(state)
  throw new WarrenError('broker-blocked')
}

/** Connects; when the login is refused, once more with the URL read afresh. */
async function connect({ broker, connectionName, readUrl }: PublisherOptions) {
  const { heartbeatS, caFile } = broker
  const read = readUrl ?? (async () => broker.url ?? '')
  const open = async (fresh: boolean) => {
    const url = await within(read(fresh), SECRET_MS, unavailable)
    const ca = caFile === undefined ? {} : { caFile }
    const deadline = deadlineIn(CONNECT_MS)
    return openConnection({ url, connectionName, heartbeatS, deadline, ...ca })
  }
  try {
    return await open(false).catch((error) => {
      if (readUrl === undefined || !isLoginRefused(error)) throw error
      return open(true)
    })
  } catch (error) {
    throw connectError(error)
  }
}

/** The error with what the caller needs to know which message it is about. */
function withMessage(error: unknown, { exchange, properties }: OutgoingMessage): unknown {
  if (!(error instanceof WarrenError)) return error
  return new WarrenError(error.code, {
    ...error.context,
    exchange,
    messageId: properties.messageId,
    cause: error.cause,
  })
}
