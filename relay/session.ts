import { setTimeout as sleep } from 'node:timers/promises'
import type { AmqpConnection } from '#lib/amqp/connection.ts'
import { type Consumer, type Delivery, openConsumer } from '#lib/amqp/consumer.ts'
import type { RelaySettings } from '#lib/config-relay.ts'
import { describeError, type Log } from '#lib/log.ts'
import { within } from '#lib/within.ts'
import { type Acks, createAcks } from './acks.ts'
import { createForwarder } from './forwarder.ts'
import type { Forwarder, ForwarderState, Trouble } from './forwarding.ts'
import { overdue } from './hold.ts'
import { createOutlet, type Outlet } from './outlet.ts'
import { type Parking, parkUntilSafe } from './parking.ts'
import { isSuspicious } from './suspicion.ts'

/**
 * `lost`: the source's channel or connection ended. `held`: the destination took nothing for HOLD_MS.
 * `crowded`: so many wait aside that the next session has to take more at a time.
 * `isolating`: a message was delivered too often, so the next session takes one at a time.
 * `recycled`: before a delivery grew too old. `cancelled`: the broker ended the consumer. `stopped`: by us.
 */
export type Ending =
  | 'lost'
  | 'held'
  | 'crowded'
  | 'isolating'
  | 'recycled'
  | 'cancelled'
  | 'stopped'

export interface SessionEnd {
  readonly why: Ending
  /** What the destination's trouble was at the end. */
  readonly trouble: Trouble | undefined
  /** Without those that waited aside. */
  readonly inHand: number
  readonly aside: number
  /** Messages that became safe during the session. */
  readonly safe: number
}

/** One consuming channel and what is done with its deliveries, from its opening to its end. */
export interface Session {
  readonly ended: Promise<SessionEnd>
  /** There is a new connection to the destination. */
  attach(connection: AmqpConnection): void
  setBlocked(blocked: boolean): void
  state(): ForwarderState
  /** The broker has accepted the consumer. */
  isConsuming(): boolean
  /** When the last delivery came in, on the clock of performance.now(). */
  lastDeliveryMs(): number
  /** Too many bytes are in hand: the source's connection is not being read. */
  isReadingPaused(): boolean
  /** Takes no more, finishes what is under way, gives the rest back. */
  stop(graceMs: number): Promise<void>
}

export interface SessionOptions {
  readonly settings: RelaySettings
  readonly source: AmqpConnection
  readonly destination: AmqpConnection
  readonly parking: Parking
  /** Whether what is rejected surely reaches the parking queue. */
  readonly parksByItself: boolean
  /** Begin with one delivery at a time, until one got through that was not delivered too often. */
  readonly narrow: boolean
  /** How what is refused waits: see ForwarderOptions. */
  readonly lanes: 'key' | 'message' | undefined
  /** Take as many as can wait aside, and not only as many as may be under way. */
  readonly wide: boolean
  /** How often this process has closed a consuming channel with deliveries in hand. */
  readonly ownCloses: number
  readonly onMissing: () => Promise<void>
  readonly onForwarded: (delivery: Delivery, hopMs: number) => void
  readonly onRefused: (why: 'unroutable' | 'nacked') => void
  readonly onParked: (delivery: Delivery, reason: string) => void
  readonly onDelivery: (delivery: Delivery) => void
  readonly onCancelled: () => void
  readonly log: Log
}

/** A session at work. */
interface Run {
  readonly options: SessionOptions
  readonly forwarder: Forwarder
  readonly outlet: Outlet
  readonly acks: Acks
  readonly publishing: PromiseWithResolvers<void>
  readonly over: PromiseWithResolvers<SessionEnd>
  readonly watch: NodeJS.Timeout
  consumer: Consumer | undefined
  /** One delivery at a time. */
  narrow: boolean
  /** What was delivered too often is no reason to isolate it: it was refused. */
  trusting: boolean
  /** The one delivery must not be acknowledged yet. */
  widening: boolean
  /** What the session comes to once nothing is in hand. */
  leaving: Ending | undefined
  ended: boolean
  readingPaused: boolean
  lastDeliveryMs: number
}

/** In AMQP a prefetch has 16 bits. */
const LARGEST_PREFETCH = 65_535
/** The rest of it is for those that go on. */
const MOST_ASIDE = 60_000
/** A delivery that an ack has made room for comes within a few milliseconds. */
const COMING_IN_MS = 100
/** How long the broker may take to accept a consumer (a queue may just be electing its leader), */
const OPEN_MS = 10_000
/** and to answer the end of the consuming channel. */
const CLOSE_MS = 1000

/** Opens a session; it begins to consume once it can publish. */
export function openSession(options: SessionOptions): Session {
  const run = createRun(options)
  run.forwarder.setBlocked(options.destination.isBlocked())
  run.outlet.attach(options.destination)
  start(run).catch((error) => {
    options.log.warn({ err: describeError(error) }, 'cannot consume')
    void end(run, 'lost')
  })
  return {
    ended: run.over.promise,
    attach: (connection) => {
      run.forwarder.setBlocked(connection.isBlocked())
      run.outlet.attach(connection)
    },
    setBlocked: (blocked) => run.forwarder.setBlocked(blocked),
    state: () => run.forwarder.state(),
    isConsuming: () => run.consumer !== undefined && !run.ended,
    isReadingPaused: () => run.readingPaused,
    lastDeliveryMs: () => run.lastDeliveryMs,
    stop: (graceMs) => stop(run, graceMs),
  }
}

function createRun(options: SessionOptions): Run {
  const { settings, log } = options
  const forwarder = createForwarder({
    exchange: settings.destination.kind === 'exchange' ? settings.destination.exchange : '',
    routingKey: routingKeyOf(settings),
    order: settings.order,
    lanes: options.lanes,
    mostInFlight: settings.prefetch,
    room: { count: MOST_ASIDE, bytes: settings.prefetchBytes / 4 },
    deliveryLimit: settings.deliveryLimit,
    persist: settings.persist,
    maxHops: settings.maxHops,
    parkUnroutable: settings.onMissing === 'park',
    park: (delivery, reason, error) =>
      parkUntilSafe(delivery, reason, error, {
        ...options,
        handBack: () => run.consumer?.deadLetter(delivery.deliveryTag),
        isOver: () => run.ended,
      }),
    onMissing: options.onMissing,
    onRefusing: () => run.outlet.renew(),
    onForwarded: (delivery, hopMs) => {
      options.onForwarded(delivery, hopMs)
      if (run.narrow && !isSuspect(run, delivery)) widen(run)
    },
    onRefused: options.onRefused,
    onChange: () => changed(run),
    now: () => performance.now(),
  })
  const publishing = Promise.withResolvers<void>()
  const onReady: Parameters<typeof createOutlet>[0]['onReady'] = (publisher) => {
    forwarder.use(publisher)
    publishing.resolve()
  }
  const run: Run = {
    options,
    forwarder,
    outlet: createOutlet({ events: forwarder.events, onReady, log }),
    acks: createAcks({
      ackUpTo: (tag) => run.consumer?.ackUpTo(tag),
      ack: (tag) => run.consumer?.ack(tag),
      takeOthers: () => forwarder.takeSafe(),
      now: () => performance.now(),
      batch: settings.ackBatch,
      intervalMs: settings.ackIntervalMs,
    }),
    publishing,
    over: Promise.withResolvers(),
    watch: setInterval(() => endIfOverdue(run), Math.min(1000, settings.holdMs / 4)),
    consumer: undefined,
    narrow: options.narrow || settings.order === 'strict',
    trusting: false,
    widening: false,
    leaving: undefined,
    ended: false,
    readingPaused: false,
    lastDeliveryMs: performance.now(),
  }
  return run
}

function routingKeyOf({ destination }: RelaySettings): string | undefined {
  return destination.kind === 'queue' ? destination.queue : destination.routingKey
}

async function start(run: Run): Promise<void> {
  const { settings, source, onCancelled } = run.options
  await Promise.race([run.publishing.promise, run.over.promise])
  if (run.ended) return
  const opening = openConsumer({
    connection: source,
    queue: settings.stagingQueue,
    prefetch: run.narrow ? 1 : prefetchOf(run),
    onDelivery: (delivery) => receive(run, delivery),
    onCancelled: () => {
      onCancelled()
      leave(run, 'cancelled')
    },
    onEnd: () => void end(run, 'lost'),
  })
  run.consumer = await within(opening, OPEN_MS, () => {
    // What is accepted later must find nobody: its deliveries would never be acknowledged.
    const late = new Error('the broker does not accept the consumer')
    source.destroy(late)
    return late
  })
  if (run.ended) await closeConsumer(run)
}

function receive(run: Run, delivery: Delivery): void {
  if (run.ended || run.leaving !== undefined) return // It goes back to the queue with the channel.
  run.lastDeliveryMs = performance.now()
  run.options.onDelivery(delivery)
  if (!run.narrow && !run.trusting && isSuspect(run, delivery)) leave(run, 'isolating')
  else run.forwarder.deliver(delivery)
}

const isSuspect = ({ options }: Run, delivery: Delivery) =>
  isSuspicious(delivery, options.settings.deliveryLimit, options.ownCloses)

const prefetchOf = ({ options: { wide, settings } }: Run) =>
  wide ? LARGEST_PREFETCH : settings.prefetch

/** With ORDER=strict it stays at one: what goes back into a quorum queue goes behind its like. */
function widen(run: Run): void {
  const { order } = run.options.settings
  if (order === 'strict' || run.consumer === undefined) return
  run.narrow = false
  run.widening = true
  const done = () => {
    run.widening = false
    changed(run)
  }
  run.consumer.widen(prefetchOf(run)).then(done, () => {}) // A channel that has ended says so by itself.
}

function changed(run: Run): void {
  if (run.ended || run.widening) return
  const tag = run.forwarder.takeAckable()
  const { inHand, aside, bytes } = run.forwarder.state()
  if (tag !== undefined) run.acks.note(tag, inHand === 0)
  if (run.forwarder.isHeadStuck()) run.acks.noteOthers()
  limitBytes(run, bytes)
  if (aside > 0) makeRoom(run, aside)
  endIfDone(run)
}

/** What waits aside must not keep others from coming in. */
function makeRoom(run: Run, aside: number): void {
  const { prefetch } = run.options.settings
  if (run.narrow) {
    run.trusting = true // It came so often because it was refused, not because it ended the relay.
    widen(run)
  } else if (aside >= prefetch / 2 && !run.options.wide) {
    leave(run, 'crowded')
  }
}

/** Lets the broker wait while too many bytes are in hand: a prefetch counts messages only. */
function limitBytes(run: Run, bytes: number): void {
  const { prefetchBytes } = run.options.settings
  if (run.consumer === undefined) return
  if (!run.readingPaused && bytes >= prefetchBytes) {
    run.readingPaused = true
    run.consumer.reading.pause()
  } else if (run.readingPaused && bytes < prefetchBytes / 2) {
    run.readingPaused = false
    run.consumer.reading.resume()
  }
}

function leave(run: Run, why: Ending): void {
  if (run.leaving !== undefined) return
  run.leaving = why
  run.forwarder.finish()
  endIfDone(run)
}

function endIfDone(run: Run): void {
  if (run.leaving === undefined) return
  const { inHand, aside, inFlight, trouble } = run.forwarder.state()
  const givesUp = run.leaving === 'stopped' && trouble !== undefined
  if (inFlight === 0 && (inHand === aside || givesUp)) void end(run, run.leaving)
}

function endIfOverdue(run: Run): void {
  const why = overdue(run.forwarder.state(), performance.now(), run.options.settings.holdMs)
  if (why) void end(run, why)
}

async function stop(run: Run, graceMs: number): Promise<void> {
  const late = new Promise<void>((resolve) => setTimeout(resolve, graceMs).unref())
  run.leaving = 'stopped'
  run.forwarder.finish()
  endIfDone(run)
  await Promise.race([run.over.promise, late])
  await end(run, 'stopped')
}

async function end(run: Run, why: Ending): Promise<void> {
  if (run.ended) return
  run.ended = true
  clearInterval(run.watch)
  const { trouble, inHand, aside, safe } = run.forwarder.state()
  run.forwarder.stop()
  const settles = why !== 'lost' && ackAll(run)
  run.acks.stop()
  run.outlet.close()
  await closeConsumer(run, settles)
  run.over.resolve({ why, trouble, inHand: inHand - aside, aside, safe })
}

/** Nothing that was confirmed shall come again. Gives whether the broker may forget some of it. */
function ackAll({ forwarder, acks }: Run): boolean {
  const tag = forwarder.takeAckable()
  if (tag !== undefined) acks.note(tag, true)
  return acks.flush()
}

/**
 * @param settles there were single acks, of which a channel forgets some with its end: see Consumer.settle.
 *   Each has made room for another delivery, and those on their way come in before.
 */
async function closeConsumer(run: Run, settles = false): Promise<void> {
  const { consumer, options, readingPaused } = run
  const { source } = options
  if (consumer === undefined || !source.isOpen()) return
  if (readingPaused) {
    // The broker's answer would come after all that we do not want to read.
    source.destroy(new Error('ended with unread deliveries'))
    return
  }
  const close = async () => {
    if (settles) await sleep(COMING_IN_MS).then(() => consumer.settle())
    await consumer.close()
  }
  await within(close(), CLOSE_MS, () => new Error('no answer')).catch(() => {
    if (source.isOpen()) options.log.debug({}, 'the consuming channel had ended')
  })
}
