import type { ChannelEnd } from '#lib/amqp/channel-end.ts'
import { REFUSED_MS } from '#lib/amqp/exchange-channel.ts'
import type { RawPublisher, RawPublisherEvents } from '#lib/amqp/raw-publisher.ts'
import { CopyRefused, copyOf, deliveryCountOf } from './copy.ts'
import { createWork, isCrowded, isHeadStuck, stateOf, type Work } from './forwarder-work.ts'
import type { Forwarder, ForwarderOptions } from './forwarding.ts'
import type { Lanes, Refusal } from './lanes.ts'
import { proofsNeeded, verdictOf } from './verdict.ts'
import type { Entry } from './window.ts'

/** Turns deliveries into confirmed copies: the heart of the relay. It never nacks a delivery. */
export function createForwarder(options: ForwarderOptions): Forwarder {
  const work = createWork(options)
  const { window } = work
  return {
    events: eventsOf(work),
    deliver: (delivery) => {
      if (window.inHand().count === window.aside().count) work.progressMs = options.now()
      window.add(delivery, options.now())
      pump(work)
      options.onChange()
    },
    use: (publisher) => {
      work.publisher = publisher
      work.publisherSinceMs = options.now()
      unsend(work) // Its numbers begin anew: what is remembered by an old one would hide a return.
      pump(work)
    },
    setBlocked: (blocked) => {
      work.blocked = blocked
      pump(work)
    },
    takeAckable: () => window.takeAckable(),
    takeSafe: () => window.takeSafe(),
    isHeadStuck: () => isHeadStuck(work),
    finish: () => {
      work.finishing = true
    },
    stop: () => {
      work.stopped = true
      clearTimeout(work.retry)
      clearTimeout(work.laneRetry)
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

/** Publishes what may be published now. */
function pump(work: Work): void {
  const { window, publisher, options, lanes } = work
  if (publisher === undefined || work.blocked || work.stopped || work.preparing) return
  const nowMs = options.now()
  if (lanes && !work.finishing && !pumpLanes(work, lanes, publisher)) return
  const most = Math.min(allowance(work), lanes?.allowance(nowMs) ?? options.mostInFlight)
  while (window.inFlight() < most) {
    const entry = window.nextWaiting()
    if (entry === undefined) return
    send(work, entry, publisher)
  }
}

const allowance = ({ pace, options: { now, mostInFlight } }: Work): number =>
  Math.min(pace.allowance(now()), mostInFlight)

/** Tries again what waits aside. Gives whether others may go on. */
function pumpLanes(work: Work, lanes: Lanes, publisher: RawPublisher): boolean {
  const nowMs = work.options.now()
  if (lanes.isNackedDue(nowMs) && isOld(work)) {
    if (work.window.inFlight() === 0) renewPublisher(work)
    return false
  }
  for (const entry of lanes.takeDue(nowMs, allowance(work) - work.window.inFlight())) {
    send(work, entry, publisher)
  }
  if (lanes.lookMs !== work.laneRetryMs) {
    work.laneRetryMs = lanes.lookMs
    clearTimeout(work.laneRetry)
    if (Number.isFinite(lanes.lookMs)) {
      work.laneRetry = setTimeout(() => lookAgain(work), Math.max(0, lanes.lookMs - nowMs))
    }
  }
  return true
}

function lookAgain(work: Work): void {
  work.laneRetryMs = Number.POSITIVE_INFINITY // A timer may be a little early, and then is set once more.
  afterwards(work)
}

function send(work: Work, entry: Entry, publisher: RawPublisher): void {
  const { exchange, routingKey, persist, maxHops } = work.options
  const { delivery } = entry
  try {
    const heldMs = work.options.now() - entry.receivedMs
    const copy = copyOf(delivery, { persist, maxHops, nowMs: Date.now(), heldMs })
    entry.key = routingKey ?? copy.routingKey
    if (entry.lane === undefined && work.lanes?.takes(entry)) return
    const number = publisher.publish(exchange, entry.key, copy.properties, delivery.body)
    work.window.markSent(entry, number, copy.properties)
  } catch (error) {
    if (error instanceof CopyRefused) park(work, entry, error.reason, error.message)
    else if (error instanceof RangeError) park(work, entry, 'headers-too-large', error.message)
    else throw error
  }
}

function forwarded(work: Work, entry: Entry): void {
  const { delivery, receivedMs } = entry
  work.lanes?.confirmed(entry)
  work.window.markDone(entry)
  work.pace.confirmed()
  work.refusal = undefined
  becameSafe(work)
  work.forwardedMs = work.progressMs
  work.options.onForwarded(delivery, work.progressMs - receivedMs)
}

function becameSafe(work: Work): void {
  work.safe += 1
  work.progressMs = work.options.now()
}

function refuse(work: Work, entry: Entry, why: Refusal): void {
  const { options, lanes, window } = work
  options.onRefused(why)
  if (why === 'unroutable' && (options.parkUnroutable || (lanes && isLastTry(work, entry)))) {
    park(work, entry, why, NO_ROUTE)
  } else if (lanes) {
    lanes.refused(entry, why, options.now())
  } else {
    window.markWaiting(entry)
    tryLater(work, why)
  }
}

const NO_ROUTE = 'the broker returned the message: NO_ROUTE'

/** With its next delivery the broker would park it, for another reason. */
const isLastTry = ({ options }: Work, { delivery }: Entry): boolean =>
  deliveryCountOf(delivery.properties) >= options.deliveryLimit

/** What waits longest goes; but when nothing else gets through, it is not the fault of a key. */
function makeRoom(work: Work, lanes: Lanes): void {
  while (isCrowded(work)) {
    const oldest = lanes.oldestUnroutable()
    if (oldest === undefined || oldest.receivedMs > work.forwardedMs) return
    park(work, oldest, 'unroutable', NO_ROUTE)
  }
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
    if (work.refusal === 'nacked' && isOld(work) && work.window.inFlight() === 0) {
      renewPublisher(work)
    }
    pace.due()
    pump(work)
  }, delayMs)
}

/** A queue that refused once may refuse this channel for ever: see REFUSED_MS. */
const isOld = ({ options, publisherSinceMs }: Work): boolean =>
  options.now() - publisherSinceMs >= REFUSED_MS

function renewPublisher(work: Work): void {
  if (work.publisher === undefined) return
  work.publisher = undefined
  work.options.onRefusing()
}

/** Until it is safe the message counts as in hand. */
function park(work: Work, entry: Entry, reason: string, error: string): void {
  work.lanes?.leave(entry)
  entry.state = 'parking'
  void work.options.park(entry.delivery, reason, error).then((outcome) => {
    if (work.stopped) return
    if (outcome === 'parked') work.window.markDone(entry)
    else work.window.markBack(entry)
    becameSafe(work)
    afterwards(work)
  })
}

function unsend(work: Work): Entry[] {
  const sent = work.window.unsend()
  work.lanes?.unsent(sent)
  return sent
}

/** All that was unconfirmed is sent again on the next channel, in order. */
function channelEnded(work: Work, end: ChannelEnd): void {
  work.publisher = undefined
  const sent = unsend(work)
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
  if (work.lanes) makeRoom(work, work.lanes)
  work.options.onChange()
}
