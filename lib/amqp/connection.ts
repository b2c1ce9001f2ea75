import type { EventEmitter } from 'node:events'
import { Socket } from 'node:net'
import { type ChannelModel, connect } from 'amqplib'
import { type Deadline, remainingMs } from '#lib/deadline.ts'
import { readPem } from '#lib/pem.ts'
import { askWhyRefused, isUnexplained } from './refusal.ts'

export interface ConnectOptions {
  /** `amqp://` or `amqps://`, with user, password and vhost. */
  readonly url: string
  /** What the broker's console shows for this connection. */
  readonly connectionName: string
  /** Seconds asked for; the broker may lower it. Never 0. */
  readonly heartbeatS: number
  /** PEM file of the authority that signed the broker's certificate, or its text. */
  readonly caFile?: string
  /** By when the handshake must be complete. */
  readonly deadline: Deadline
}

/** An open connection, and what amqplib does not offer: an end that really ends it. */
export interface AmqpConnection {
  readonly model: ChannelModel
  /** Seconds, as negotiated. 0: the broker wants none. */
  readonly heartbeatS: number
  /** When bytes last came in, on the clock of `performance.now()`. */
  lastInboundMs(): number
  /** Whether the broker said `blocked` and not yet `unblocked`. It says so only after a publish. */
  isBlocked(): boolean
  isOpen(): boolean
  /** Called once, when the connection has ended: by the broker, by the network or by `destroy`. */
  onClosed(listener: (reason: Error) => void): void
  onBlocked(listener: () => void): void
  onUnblocked(listener: () => void): void
  /**
   * Ends it at once with a TCP reset. Everything pending on it fails. A reset and not a FIN: after a
   * FIN, a broker under alarm publishes what is still in its buffers when the alarm clears
   * (measured, RabbitMQ 3.10 and 4.3).
   */
  destroy(reason: Error): void
  /** Closes it in order; after `withinMs` by a reset. Never throws. */
  close(withinMs: number): Promise<void>
}

/** The parts of amqplib 2.3.1's connection that its types do not show. */
interface Internals {
  readonly stream: Socket
  readonly heartbeat: number
  readonly muxer: { _readIncoming(): void }
  freshChannel(channel: EventEmitter, options: unknown): number
}

// Body frames of 8 KiB cost the broker 2.3 times more CPU at 100 KB (measured, RabbitMQ 3.10).
const FRAME_MAX = 131_072

/**
 * Connects. amqplib's own `timeout` is only an idle timer, so the deadline is ours and covers the
 * whole handshake.
 * @throws {Error} amqplib's or the socket's error; see connectError in errors.ts
 */
export async function openConnection(options: ConnectOptions): Promise<AmqpConnection> {
  const abort = new AbortController()
  const timer = setTimeout(
    () => abort.abort(new Error('the handshake with the broker took too long')),
    Math.max(0, remainingMs(options.deadline)),
  )
  const raw = options.url.startsWith('amqps:') ? new Socket() : undefined
  const socketOptions = {
    noDelay: true,
    keepAlive: true,
    keepAliveDelay: 30_000,
    signal: abort.signal, // goes through to net.connect; amqplib's types do not know it
    ...(raw === undefined ? {} : tlsOver(raw, options)),
    clientProperties: { connection_name: options.connectionName, product: 'warren' },
  }
  try {
    return wrap(await connect(withTuning(options), socketOptions), raw)
  } catch (error) {
    raw?.destroy()
    throw abort.signal.aborted ? abort.signal.reason : await explained(error, options)
  } finally {
    clearTimeout(timer)
  }
}

async function explained(error: unknown, options: ConnectOptions): Promise<unknown> {
  const why = isUnexplained(error) ? await askWhyRefused(options) : undefined
  return why === undefined ? error : new Error(why, { cause: error })
}

function withTuning({ url, heartbeatS }: ConnectOptions): string {
  const tuned = new URL(url)
  tuned.searchParams.set('heartbeat', String(heartbeatS))
  tuned.searchParams.set('frameMax', String(FRAME_MAX))
  return tuned.href
}

/** TLS over a socket of ours: only a plain socket can be reset. */
function tlsOver(raw: Socket, { url, caFile }: ConnectOptions) {
  const { hostname, port } = new URL(url)
  raw.connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 5671) })
  raw.setNoDelay(true)
  return { socket: raw, ...(caFile === undefined ? {} : { ca: readPem(caFile) }) }
}

function wrap(model: ChannelModel, raw: Socket | undefined): AmqpConnection {
  const internals = model.connection as unknown as Internals
  const { stream } = internals
  corkWrites(internals)
  listenFromBirth(internals)
  let lastInbound = performance.now()
  let blocked = false
  let closed: Error | undefined
  const listeners: ((reason: Error) => void)[] = []
  const end = (reason: Error) => {
    if (closed) return
    closed = reason
    for (const listener of listeners) listener(reason)
  }
  stream.on('readable', () => {
    lastInbound = performance.now()
  })
  model.on('error', (error) => destroy(error))
  model.on('close', (error) => {
    end(error ?? new Error('the connection was closed'))
    stream.destroySoon()
  })
  model.on('blocked', () => {
    blocked = true
  })
  model.on('unblocked', () => {
    blocked = false
  })
  const destroy = (reason: Error) => {
    end(reason)
    reset(stream, raw, reason)
  }
  return {
    model,
    heartbeatS: internals.heartbeat,
    lastInboundMs: () => lastInbound,
    isBlocked: () => blocked,
    isOpen: () => closed === undefined,
    onClosed: (listener) => (closed ? listener(closed) : void listeners.push(listener)),
    onBlocked: (listener) => void model.on('blocked', listener),
    onUnblocked: (listener) => void model.on('unblocked', listener),
    destroy,
    close: (withinMs) => closeWithin(model, withinMs, destroy),
  }
}

/**
 * One write per turn of the event loop instead of one per message (amqplib writes each for itself):
 * a fifth less CPU, and without it noDelay would send a packet per message (measured).
 */
function corkWrites({ stream, muxer }: Internals): void {
  const readIncoming = muxer._readIncoming.bind(muxer)
  muxer._readIncoming = () => {
    stream.cork()
    try {
      readIncoming()
    } finally {
      stream.uncork()
    }
  }
}

/**
 * A channel's error without a listener takes the whole connection down, and amqplib hands a channel
 * out only after two round trips.
 */
function listenFromBirth(internals: Internals): void {
  const freshChannel = internals.freshChannel.bind(internals)
  internals.freshChannel = (channel, options) => {
    channel.on('error', () => {}) // Whoever uses the channel listens as well.
    return freshChannel(channel, options)
  }
}

/**
 * `resetAndDestroy()` first ends the writable side and waits until all is written, which under a
 * blocked broker is never; the flag that it sets makes `destroy` reset at once.
 */
function reset(stream: Socket, raw: Socket | undefined, reason: Error): void {
  const plain = (raw ?? stream) as Socket & { resetAndClosing?: boolean }
  // Once amqplib has ended the stream and all is written, a FIN is on its way: resetting then fails, and
  // Node 24 never frees the handle, so that the process cannot exit.
  plain.resetAndClosing = !(stream.writableEnded && stream.writableLength === 0)
  raw?.destroy()
  stream.destroy(reason)
}

async function closeWithin(
  model: ChannelModel,
  withinMs: number,
  destroy: (reason: Error) => void,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, withinMs)
  })
  // A connection that has ended already throws here; it is closed, which is what was asked.
  const closed = model.close().catch(() => {})
  await Promise.race([closed, late])
  clearTimeout(timer)
  destroy(new Error('the connection was closed'))
}
