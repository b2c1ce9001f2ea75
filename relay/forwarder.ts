import type { ChannelEnd } from '#lib/amqp/channel-end.ts'
import type { Delivery } from '#lib/amqp/consumer.ts'
import { REFUSED_MS } from '#lib/amqp/exchange-channel.ts'
import type { RawPublisher, RawPublisherEvents } from '#lib/amqp/raw-publisher.ts'
import { CopyRefused, copyOf } from './copy.ts'
import { createPace, type Pace } from './pace.ts'
import { proofsNeeded, verdictOf } from './verdict.ts'
import { createWindow, type Entry, type Window } from './window.ts'

/** Why the destination does not take messages at the moment. */
export type Trouble = 'unroutable' | 'nacked' | 'forbidden' | 'lost' | 'blocked'

/** `parked`: confirmed in the parking queue; `handed-back`: the broker dead-letters it by itself. */
export type ParkOutcome = 'parked' | 'handed-back'

export interface ForwarderOptions {
  /** The exchange to publish to; the empty name is the default exchange. */
  readonly exchange: string
  /** Absent: every message keeps its own. */
  readonly routingKey: string | undefined
  readonly order: 'window' | 'strict'
  readonly persist: 'always' | 'preserve'
  /** Whether a message that no queue takes is parked instead of held. */
  readonly parkUnroutable: boolean
  /** Puts a message aside; resolves once the broker has it safe, however long that takes. Never rejects. */
  readonly park: (delivery: Delivery, reason: string, error: string) => Promise<ParkOutcome>
  /** Before the next try after `unroutable`: the destination may have to be declared. Never rejects. */
  readonly onMissing: () => Promise<void>
  /** Before the next try after `nacked`, when nothing is unconfirmed: another publisher has to come. */
  readonly onRefusing: () => void
  /** The broker confirmed the copy and routed it. */
  readonly onForwarded: (delivery: Delivery, hopMs: number) => void
  readonly onRefused: (why: 'unroutable' | 'nacked') => void
  /** What is in hand has changed. */
  readonly onChange: () => void
  /** A steady clock, in ms. */
  readonly now: () => number
}

/** Turns deliveries into confirmed copies: the heart of the relay. It never nacks a delivery. */
export interface Forwarder {
  readonly events: RawPublisherEvents
  deliver(delivery: Delivery): void
  /** A publishing channel that is ready. */
  use(publisher: RawPublisher): void
  /** The destination's broker takes no messages (connection.blocked), or does again. */
  setBlocked(blocked: boolean): void
  /** The highest tag that may be acknowledged with all before it, once. */
  takeAckable(): number | undefined
  /** The tags of all else that is safe, once: what is not ackable because of others before it. */
  takeSafe(): number[]
  /** Publishes nothing any more. */
  stop(): void
  state(): ForwarderState
}

export interface ForwarderState {
  readonly inHand: number
  /** Of these, unconfirmed. */
  readonly inFlight: number
  readonly bytes: number
  /** When a message became safe last, or when the first one came in, on the clock of `now`. */
  readonly progressMs: number
  /** When the oldest of those in hand came in; while nothing is in hand, it means nothing. */
  readonly oldestMs: number
  /** How many messages became safe. */
  readonly safe: number
  /** Undefined while all is well. */
  readonly trouble: Trouble | undefined
}

interface Work {
  readonly options: ForwarderOptions
  readonly window: Window
  readonly pace: Pace
  publisher: RawPublisher | undefined
  /** When it came. */
  publisherSinceMs: number
  refusal: 'unroutable' | 'nacked' | 'forbidden' | undefined
  blocked: boolean
  stopped: boolean
  /** Position of the last message that may be the one which ended a channel. */
  suspectedUpTo: number
  retry: NodeJS.Timeout | undefined
  preparing: boolean
  progressMs: number
  safe: number
}

export function createForwarder(options: ForwarderOptions): Forwarder {
  const work: Work = {
    options,
    window: createWindow(),
    pace: createPace(options.order),
    publisher: undefined,
    publisherSinceMs: 0,
    refusal: undefined,
    blocked: false,
    stopped: false,
    suspectedUpTo: -1,
    retry: undefined,
    preparing: false,
    progressMs: options.now(),
    safe: 0,
  }
  return {
    events: eventsOf(work),
    deliver: (delivery) => {
      if (work.window.inHand() === 0) work.progressMs = options.now()
      work.window.add(delivery, options.now())
      pump(work)
      options.onChange()
    },
    use: (publisher) => {
      work.publisher = publisher
      work.publisherSinceMs = options.now()
      work.window.unsend() // Its numbers begin anew: what is remembered by an old one would hide a return.
      pump(work)
    },
    setBlocked: (blocked) => {
      work.blocked = blocked
      pump(work)
    },
    takeAckable: () => work.window.takeAckable(),
    takeSafe: () => work.window.takeSafe(),
    stop: () => {
      work.stopped = true
      clearTimeout(work.retry)
    },
    state: () => stateOf(work),
  }
}

function eventsOf(work: Work): RawPublisherEvents {
  return {
    onConfirm: (number, multiple) => {
      const settled = work.window.settle(number, multiple)
      for (const entry of settled) {
        if (entry.returned) refuse(work, entry, 'unroutable')
        else forwarded(work, entry)
      }
      afterwards(work)
    },
    onNack: (number, multiple) => {
      for (const entry of work.window.settle(number, multiple)) refuse(work, entry, 'nacked')
      afterwards(work)
    },
    onReturn: ({ properties, body }) => work.window.markReturned(properties, body),
    onEnd: (end) => {
      channelEnded(work, end)
      afterwards(work)
    },
  }
}

function stateOf({ window, progressMs, safe, blocked, publisher, refusal }: Work): ForwarderState {
  const lost = publisher === undefined ? 'lost' : undefined
  return {
    inHand: window.inHand(),
    inFlight: window.inFlight(),
    bytes: window.bytes(),
    progressMs,
    oldestMs: window.oldestMs(),
    safe,
    trouble: blocked ? 'blocked' : (refusal ?? lost),
  }
}

/** Publishes what may be published now. */
function pump(work: Work): void {
  const { window, pace, publisher, options } = work
  if (publisher === undefined || work.blocked || work.stopped || work.preparing) return
  while (window.inFlight() < pace.allowance(options.now())) {
    const entry = window.nextWaiting()
    if (entry === undefined) return
    send(work, entry, publisher)
  }
}

function send(work: Work, entry: Entry, publisher: RawPublisher): void {
  const { exchange, routingKey, persist } = work.options
  const { delivery } = entry
  try {
    const copy = copyOf(delivery, { persist, nowMs: Date.now() })
    const key = routingKey ?? copy.routingKey
    const number = publisher.publish(exchange, key, copy.properties, delivery.body)
    work.window.markSent(entry, number, copy.properties)
  } catch (error) {
    if (error instanceof CopyRefused) park(work, entry, error.reason, error.message)
    else if (error instanceof RangeError) park(work, entry, 'headers-too-large', error.message)
    else throw error
  }
}

function forwarded(work: Work, entry: Entry): void {
  const { delivery, receivedMs } = entry
  work.window.markDone(entry)
  work.pace.confirmed()
  work.refusal = undefined
  becameSafe(work)
  work.options.onForwarded(delivery, work.progressMs - receivedMs)
}

function becameSafe(work: Work): void {
  work.safe += 1
  work.progressMs = work.options.now()
}

function refuse(work: Work, entry: Entry, why: 'unroutable' | 'nacked'): void {
  work.options.onRefused(why)
  if (why === 'unroutable' && work.options.parkUnroutable) {
    park(work, entry, why, 'the broker returned the message: NO_ROUTE')
    return
  }
  work.window.markWaiting(entry)
  tryLater(work, why)
}

/** Nothing is published until the time for the next try has come. */
function tryLater(work: Work, why: NonNullable<Work['refusal']>): void {
  const { pace, options } = work
  work.refusal = why
  const delayMs = pace.refused(options.now()) - options.now()
  clearTimeout(work.retry)
  work.retry = setTimeout(async () => {
    if (work.refusal === 'unroutable') {
      work.preparing = true
      await options.onMissing()
      work.preparing = false
    }
    if (work.refusal === 'nacked') renewPublisher(work)
    pace.due()
    pump(work)
  }, delayMs)
}

/** A queue that refused once may refuse this channel for ever: see REFUSED_MS. */
function renewPublisher(work: Work): void {
  const { options, publisherSinceMs, window } = work
  const isNew = options.now() - publisherSinceMs < REFUSED_MS
  if (work.publisher === undefined || isNew || window.inFlight() > 0) return
  work.publisher = undefined
  options.onRefusing()
}

/** Until it is safe the message counts as in hand. */
function park(work: Work, entry: Entry, reason: string, error: string): void {
  entry.state = 'parking'
  void work.options.park(entry.delivery, reason, error).then((outcome) => {
    if (work.stopped) return
    if (outcome === 'parked') work.window.markDone(entry)
    else work.window.markBack(entry)
    becameSafe(work)
    afterwards(work)
  })
}

/** All that was unconfirmed is sent again on the next channel, in order. */
function channelEnded(work: Work, end: ChannelEnd): void {
  work.publisher = undefined
  const sent = work.window.unsend()
  const [first] = sent
  if (first === undefined) return
  const verdict = verdictOf(end)
  if (verdict === 'missing') tryLater(work, 'unroutable')
  if (verdict === 'forbidden') tryLater(work, 'forbidden')
  if (verdict !== 'provoked') return
  if (sent.length === 1) {
    first.provoked += 1
    if (first.provoked >= proofsNeeded(end)) {
      park(work, first, 'refused-by-broker', end.error.message)
      return
    }
  }
  work.suspectedUpTo = Math.max(work.suspectedUpTo, (sent.at(-1) as Entry).position)
  work.pace.search()
}

function afterwards(work: Work): void {
  const next = work.window.nextWaiting()
  const beyond = next === undefined || next.position > work.suspectedUpTo
  if (work.pace.searching && beyond && work.window.inFlight() === 0) work.pace.passed()
  pump(work)
  work.options.onChange()
}
