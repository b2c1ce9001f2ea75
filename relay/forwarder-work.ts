import type { RawPublisher } from '#lib/amqp/raw-publisher.ts'
import type { ForwarderOptions, ForwarderState, Trouble } from './forwarding.ts'
import { createLanes, type Lanes, type Refusal } from './lanes.ts'
import { createPace, type Pace } from './pace.ts'
import { createWindow, type Window } from './window.ts'

/** A forwarder at work. */
export interface Work {
  readonly options: ForwarderOptions
  readonly window: Window
  readonly lanes: Lanes | undefined
  readonly pace: Pace
  publisher: RawPublisher | undefined
  /** When it came. */
  publisherSinceMs: number
  refusal: Refusal | 'forbidden' | undefined
  blocked: boolean
  finishing: boolean
  stopped: boolean
  /** Position of the last message that may be the one which ended a channel. */
  suspectedUpTo: number
  retry: NodeJS.Timeout | undefined
  laneRetry: NodeJS.Timeout | undefined
  /** For when it is set. */
  laneRetryMs: number
  preparing: boolean
  progressMs: number
  /** When the destination took a message last. */
  forwardedMs: number
  safe: number
}

export function createWork(options: ForwarderOptions): Work {
  const window = createWindow()
  return {
    options,
    window,
    lanes: options.lanes && createLanes(window, options.lanes),
    pace: createPace(options.order),
    publisher: undefined,
    publisherSinceMs: 0,
    refusal: undefined,
    blocked: false,
    finishing: false,
    stopped: false,
    suspectedUpTo: -1,
    retry: undefined,
    laneRetry: undefined,
    laneRetryMs: Number.POSITIVE_INFINITY,
    preparing: false,
    progressMs: options.now(),
    forwardedMs: Number.NEGATIVE_INFINITY,
    safe: 0,
  }
}

/** What the relay shows of it. */
export function stateOf(work: Work): ForwarderState {
  const { window, progressMs, safe } = work
  return {
    inHand: window.inHand().count,
    aside: window.aside().count,
    isCrowded: isCrowded(work),
    inFlight: window.inFlight(),
    bytes: window.inHand().bytes,
    progressMs,
    oldestMs: window.oldest()?.receivedMs ?? 0,
    safe,
    trouble: troubleOf(work),
  }
}

function troubleOf(work: Work): Trouble | undefined {
  const { blocked, refusal, lanes, publisher } = work
  if (blocked) return 'blocked'
  if (refusal) return refusal
  if (publisher === undefined) return 'lost'
  return lanes?.trouble() ?? (isCrowded(work) ? 'unroutable' : undefined)
}

/** What waits aside takes more than its room. */
export function isCrowded({ window, options: { room } }: Work): boolean {
  const { count, bytes } = window.aside()
  return count > room.count || bytes > room.bytes
}

/** What is safe may have to wait for long behind the first delivery. */
export function isHeadStuck({ window, refusal }: Work): boolean {
  const head = window.oldest()
  return head !== undefined && (head.lane !== undefined || head.state === 'parking' || !!refusal)
}
