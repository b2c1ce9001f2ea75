import type { AmqpConnection } from '#lib/amqp/connection.ts'
import { type Consumer, type Delivery, openConsumer } from '#lib/amqp/consumer.ts'
import { openRawPublisher, type RawPublisher } from '#lib/amqp/raw-publisher.ts'
import { queueState } from '#lib/amqp/topology.ts'
import { describeError } from '#lib/log.ts'
import { within } from '#lib/within.ts'
import type { ReplayCommand } from './args.ts'
import { fits, type Parked, readParked } from './parked.ts'

export interface PassOptions {
  readonly from: string
  readonly to: string
  readonly command: ReplayCommand
  /** Consumes. */
  readonly reader: AmqpConnection
  /** Publishes: the reader's own connection is not read while too much is under way. */
  readonly writer: AmqpConnection
  /** How many messages are looked at; those parked later are not. */
  readonly total: number
  readonly signal: AbortSignal
}

/** What became of the messages looked at. */
export interface Counts {
  looked: number
  /** Or, in a dry run, would be. */
  replayed: number
  expired: number
  unreadable: number
  /** Not by the filters. */
  unselected: number
}

export interface PassEnd {
  readonly counts: Readonly<Counts>
  /** In a dry run, what would be replayed. */
  readonly selected: readonly Parked[]
  /** Why it ended early. */
  readonly failure: string | undefined
}

/** One run through the parking queue. */
interface Pass {
  readonly options: PassOptions
  readonly counts: Counts
  readonly selected: Parked[]
  /** By the publishing channel's number. */
  readonly unconfirmed: Map<number, Delivery>
  readonly ended: PromiseWithResolvers<void>
  consumer: Consumer | undefined
  publisher: RawPublisher | undefined
  taken: number
  bytes: number
  isReadingPaused: boolean
  /** Looks at no more. */
  isOver: boolean
  failure: string | undefined
  lastMs: number
  emptyLooks: number
}

/** A consumer's prefetch has 16 bits; what stays is held unacknowledged until the end. */
const MOST_HELD = 65_535
/** Under way at most: some round trips' worth of small messages, */
const MOST_UNCONFIRMED = 500
/** or this much of large ones. */
const MOST_UNCONFIRMED_BYTES = 16 * 1024 * 1024
const LOOK_MS = 250
/** Nothing came for so long, and so many looks find nothing ready: the end of the queue. */
const QUIET_MS = 1000
const EMPTY_LOOKS = 4
/** Nothing happened for so long, though it should. */
const STUCK_MS = 30_000
const CLOSE_MS = 10_000

/**
 * Takes the first `total` messages of a queue and publishes those selected to another one, each
 * acknowledged once it is confirmed there. All others are held and go back to their places at the end:
 * by ending the channel, which gives a quorum queue all back in order (one by one it would not).
 */
export async function replayPass(options: PassOptions): Promise<PassEnd> {
  const pass = createPass(options)
  const { reader, writer, command, signal } = options
  if (!command.dryRun) pass.publisher = await openPublisher(pass, writer)
  const interrupt = () => fail(pass, 'interrupted')
  signal.addEventListener('abort', interrupt)
  const watch = setInterval(() => void look(pass), LOOK_MS)
  try {
    await consume(pass, reader)
    await pass.ended.promise
  } finally {
    clearInterval(watch)
    signal.removeEventListener('abort', interrupt)
    pass.publisher?.close()
  }
  const { counts, selected, failure } = pass
  return { counts, selected, failure: failure ?? (await settle(pass)) }
}

const createPass = (options: PassOptions): Pass => ({
  options,
  counts: { looked: 0, replayed: 0, expired: 0, unreadable: 0, unselected: 0 },
  selected: [],
  unconfirmed: new Map(),
  ended: Promise.withResolvers(),
  consumer: undefined,
  publisher: undefined,
  taken: 0,
  bytes: 0,
  isReadingPaused: false,
  isOver: false,
  failure: undefined,
  lastMs: performance.now(),
  emptyLooks: 0,
})

/** Deliveries may come in before it is known that the broker has accepted the consumer. */
async function consume(pass: Pass, connection: AmqpConnection): Promise<void> {
  const early: Delivery[] = []
  pass.consumer = await openConsumer({
    connection,
    queue: pass.options.from,
    prefetch: Math.min(pass.options.total, MOST_HELD),
    onDelivery: (delivery) => {
      if (pass.consumer === undefined) early.push(delivery)
      else receive(pass, delivery)
    },
    onCancelled: () => fail(pass, 'the parking queue was deleted'),
    onEnd: ({ error }) => fail(pass, describeError(error)),
  })
  for (const delivery of early) receive(pass, delivery)
}

function openPublisher(pass: Pass, connection: AmqpConnection): Promise<RawPublisher> {
  return openRawPublisher(connection, {
    onConfirm: (number, multiple) => confirmed(pass, number, multiple),
    // The only queue that it goes to is gone: nothing that is confirmed from now on means anything.
    onReturn: () => fail(pass, 'the staging queue is not there any more'),
    onNack: () => fail(pass, 'the staging queue refuses messages'),
    onEnd: ({ error }) => fail(pass, describeError(error)),
  })
}

function receive(pass: Pass, delivery: Delivery): void {
  if (pass.isOver) return
  const { options, counts } = pass
  pass.lastMs = performance.now()
  pass.emptyLooks = 0
  counts.looked += 1
  const parked = select(pass, delivery)
  if (parked !== undefined) {
    pass.taken += 1
    if (options.command.dryRun) note(pass, parked)
    else publish(pass, delivery, parked)
  }
  pass.isOver = counts.looked >= options.total || pass.taken >= options.command.count
  endIfDone(pass)
}

function select({ counts, options }: Pass, delivery: Delivery): Parked | undefined {
  try {
    const parked = readParked(delivery)
    if (!fits(parked, options.command.filter)) counts.unselected += 1
    else if (isExpired(parked)) counts.expired += 1
    else return parked
  } catch {
    counts.unreadable += 1 // How it is wrong, the relay said when it parked it.
  }
  return undefined
}

const isExpired = ({ reason, expiresAt }: Parked) =>
  reason === 'expired' || (expiresAt !== undefined && expiresAt <= Date.now())

function note(pass: Pass, parked: Parked): void {
  pass.selected.push(parked)
  pass.counts.replayed += 1
}

function publish(pass: Pass, delivery: Delivery, parked: Parked): void {
  const { publisher, unconfirmed, options } = pass
  try {
    const properties = parked.properties(Date.now())
    const number = publisher?.publish('', options.to, properties, delivery.body)
    unconfirmed.set(number as number, delivery)
    pass.bytes += delivery.body.length
    limit(pass)
  } catch {
    pass.counts.unreadable += 1 // With its new headers it fits into no frame.
  }
}

/** Lets the broker wait while much is under way. */
function limit(pass: Pass): void {
  const { unconfirmed, bytes, consumer, isReadingPaused } = pass
  const load = Math.max(unconfirmed.size / MOST_UNCONFIRMED, bytes / MOST_UNCONFIRMED_BYTES)
  if (!isReadingPaused && load >= 1) {
    pass.isReadingPaused = true
    consumer?.reading.pause()
  } else if (isReadingPaused && load < 0.5) {
    pass.isReadingPaused = false
    consumer?.reading.resume()
  }
}

function confirmed(pass: Pass, number: number, multiple: boolean): void {
  if (pass.failure !== undefined) return
  pass.lastMs = performance.now()
  const numbers = multiple ? [...pass.unconfirmed.keys()].filter((one) => one <= number) : [number]
  for (const one of numbers) {
    const delivery = pass.unconfirmed.get(one)
    if (delivery === undefined) continue
    pass.unconfirmed.delete(one)
    pass.bytes -= delivery.body.length
    pass.counts.replayed += 1
    pass.consumer?.ack(delivery.deliveryTag)
  }
  limit(pass)
  endIfDone(pass)
}

function endIfDone({ isOver, unconfirmed, ended }: Pass): void {
  if (isOver && unconfirmed.size === 0) ended.resolve()
}

function fail(pass: Pass, why: string): void {
  pass.failure ??= why
  pass.isOver = true
  pass.ended.resolve()
}

/** Ends the pass when no more comes: somebody else may have taken some, or too many are held. */
async function look(pass: Pass): Promise<void> {
  const quietMs = performance.now() - pass.lastMs
  if (quietMs >= STUCK_MS) fail(pass, whyStuck(pass))
  if (pass.isOver || pass.unconfirmed.size > 0 || quietMs < QUIET_MS) return
  const { looked, replayed } = pass.counts
  const state = await queueState(pass.options.writer, pass.options.from).catch(() => undefined)
  if (looked !== pass.counts.looked) return // A process that was stalled hears its timers first.
  const isEmpty = state?.messages === 0 || looked - replayed >= MOST_HELD
  pass.emptyLooks = isEmpty ? pass.emptyLooks + 1 : 0
  if (pass.emptyLooks < EMPTY_LOOKS) return
  pass.isOver = true
  endIfDone(pass)
}

function whyStuck({ options, unconfirmed }: Pass): string {
  if (options.writer.isBlocked()) return 'the broker is under alarm and takes no messages'
  return `the broker ${unconfirmed.size > 0 ? 'confirms' : 'delivers'} nothing`
}

/** Makes sure that what is replayed does not come again. Gives what went wrong. */
async function settle({ consumer }: Pass): Promise<string | undefined> {
  const settled = async () => {
    await consumer?.settle()
    await consumer?.close()
  }
  try {
    await within(settled(), CLOSE_MS, () => new Error('no answer'))
    return undefined
  } catch (error) {
    return `the broker did not acknowledge the end: ${describeError(error)}`
  }
}
