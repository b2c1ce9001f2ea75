import { createPace, type Pace } from './pace.ts'
import type { Entry, Window } from './window.ts'

/** Why a destination did not take a copy. */
export type Refusal = 'unroutable' | 'nacked'

/**
 * Behind an exchange each routing key has queues of its own. What is refused waits aside, in a lane with
 * all that comes later with the same key, while other keys go on. From time to time the first of a lane
 * is tried; once it gets through the others follow, and when none is left the lane is gone.
 */
export interface Lanes {
  /** The destination refused this message, which has a lane or gets one. */
  refused(entry: Entry, why: Refusal, nowMs: number): void
  /** The destination took this message. */
  confirmed(entry: Entry): void
  /** Puts it in line if its key has a lane; gives whether it did. */
  takes(entry: Entry): boolean
  /** It will not be tried any more. */
  leave(entry: Entry): void
  /** The publishing channel is gone: these wait in their lanes again. */
  unsent(entries: readonly Entry[]): void
  /** Those to be tried now: at most so many. */
  takeDue(nowMs: number, most: number): Entry[]
  /** A lane that was nacked is about to be tried: it may need another channel, see REFUSED_MS. */
  isNackedDue(nowMs: number): boolean
  /** When to look again for those due; Infinity: whatever happens next will tell. */
  readonly lookMs: number
  /** How many messages without a lane may be unconfirmed: all keys may be refused. */
  allowance(nowMs: number): number
  /** Why the destination seems to take nothing at all, if it does. */
  trouble(): Refusal | undefined
  /** The oldest message that no queue takes. */
  oldestUnroutable(): Entry | undefined
}

interface Lane {
  readonly id: string
  why: Refusal
  /** In the order of arrival; without those that are being tried. */
  readonly waiting: Entry[]
  readonly pace: Pace
  tried: number
  /** The last one that was tried got through. */
  isFlowing: boolean
}

/** So many keys nacked, and nothing confirmed between: it may be one queue that all of them lead to. */
const ALL_REFUSED = 3
/** Then another key is tried after this: each such try may leave a copy in the queues that take it. */
const OTHER_KEY_MS = 1000
/** A key that is bound at last does not wait longer: a try that no queue takes costs little. */
const LAST_BACKOFF_MS = 10_000
/** There may be thousands of lanes, so all are looked at not more often than this. */
const LOOK_MS = 20
/** Beyond the largest prefetch there is nothing to limit. */
const UNLIMITED = 65_536

/**
 * @param by `message`: on a headers exchange the key says nothing, so each message that no queue takes has
 *   a lane of its own
 */
export function createLanes(window: Window, by: 'key' | 'message'): Lanes {
  const lanes = new Map<string, Lane>()
  /** Nacked lanes are tried one after the other: a try may leave copies in queues that are not full. */
  const turns = createPace('window')
  let turn: Entry | undefined
  const nackedInVain = new Set<string>()
  let otherKeyMs = 0
  let lookMs = Number.POSITIVE_INFINITY

  const laneOf = (entry: Entry, why: Refusal): Lane => {
    const own = by === 'message' && why === 'unroutable' ? `\0${entry.position}` : ''
    const id = entry.lane ?? `${entry.key}${own}`
    const lane = lanes.get(id) ?? createLane(id, why)
    lanes.set(id, lane)
    return lane
  }
  const settled = (entry: Entry): Lane | undefined => {
    if (turn === entry) turn = undefined
    const lane = entry.lane === undefined ? undefined : lanes.get(entry.lane)
    if (lane) lane.tried -= 1
    return lane
  }
  const endIfEmpty = (lane: Lane) => {
    if (lane.waiting.length + lane.tried === 0) lanes.delete(lane.id)
  }
  const wait = (lane: Lane, entry: Entry) => {
    window.putAside(entry, lane.id)
    insert(lane.waiting, entry)
  }
  const needsTurn = ({ why, isFlowing, waiting }: Lane) =>
    why === 'nacked' && !isFlowing && waiting.length > 0
  const nextTurn = (nowMs: number): Lane | undefined => {
    if (turn !== undefined || turns.allowance(nowMs) === 0) return undefined
    for (const lane of lanes.values()) if (needsTurn(lane)) return lane
    return undefined
  }
  const dueMs = (lane: Lane) => (needsTurn(lane) ? turns : lane.pace).notBeforeMs
  const nextLookMs = (nowMs: number): number => {
    let nextMs = nackedInVain.size < ALL_REFUSED ? Number.POSITIVE_INFINITY : otherKeyMs
    if (nextMs <= nowMs) nextMs = Number.POSITIVE_INFINITY
    for (const lane of lanes.values()) {
      if (lane.waiting.length > 0 && dueMs(lane) > nowMs) nextMs = Math.min(nextMs, dueMs(lane))
    }
    return Math.max(nextMs, nowMs + LOOK_MS)
  }

  return {
    refused: (entry, why, nowMs) => {
      settled(entry)
      const lane = laneOf(entry, why)
      lane.why = why
      lane.isFlowing = false
      lane.pace.refused(nowMs)
      wait(lane, entry)
      if (why === 'nacked') {
        turns.refused(nowMs)
        nackedInVain.add(lane.id)
        otherKeyMs = nowMs + OTHER_KEY_MS
        if (nackedInVain.size >= ALL_REFUSED) lookMs = Math.min(lookMs, otherKeyMs)
      }
      lookMs = Math.min(lookMs, dueMs(lane))
    },
    confirmed: (entry) => {
      nackedInVain.clear()
      const lane = settled(entry)
      if (lane === undefined) return
      if (lane.why === 'nacked') turns.confirmed()
      lane.pace.confirmed()
      lane.isFlowing = true
      lookMs = 0
      endIfEmpty(lane)
    },
    takes: (entry) => {
      const lane = lanes.get(entry.key)
      if (lane) wait(lane, entry)
      return lane !== undefined
    },
    leave: (entry) => {
      const lane = entry.lane === undefined ? undefined : lanes.get(entry.lane)
      if (lane === undefined) return
      const index = lane.waiting.indexOf(entry)
      if (index === -1) settled(entry)
      else lane.waiting.splice(index, 1)
      window.putAside(entry, undefined)
      endIfEmpty(lane)
    },
    unsent: (entries) => {
      for (const entry of entries) {
        const lane = settled(entry)
        if (lane) insert(lane.waiting, entry)
      }
      lookMs = 0
    },
    takeDue: (nowMs, most) => {
      const due: Entry[] = []
      if (nowMs < lookMs || most <= 0) return due
      const take = (lane: Lane) => {
        lane.tried += 1
        due.push(lane.waiting.shift() as Entry)
      }
      for (const lane of lanes.values()) {
        if (needsTurn(lane)) continue
        while (due.length < most && lane.waiting.length > 0) {
          if (lane.tried >= lane.pace.allowance(nowMs)) break
          take(lane)
        }
      }
      const lane = due.length < most ? nextTurn(nowMs) : undefined
      if (lane) {
        take(lane)
        turn = due.at(-1)
        lanes.delete(lane.id) // Another one comes first next time.
        lanes.set(lane.id, lane)
      }
      lookMs = due.length < most ? nextLookMs(nowMs) : nowMs
      return due
    },
    isNackedDue: (nowMs) => nowMs >= lookMs && nextTurn(nowMs) !== undefined,
    get lookMs() {
      return lookMs
    },
    allowance: (nowMs) => {
      if (nackedInVain.size < ALL_REFUSED) return UNLIMITED
      return nowMs < otherKeyMs || turn ? 0 : 1
    },
    trouble: () => (nackedInVain.size < ALL_REFUSED ? undefined : 'nacked'),
    oldestUnroutable: () => {
      let oldest: Entry | undefined
      for (const { why, waiting } of lanes.values()) {
        const [first] = waiting
        if (why !== 'unroutable' || first === undefined) continue
        if (oldest === undefined || first.position < oldest.position) oldest = first
      }
      return oldest
    },
  }
}

const createLane = (id: string, why: Refusal): Lane => ({
  id,
  why,
  waiting: [],
  pace: createPace('window', LAST_BACKOFF_MS),
  tried: 0,
  isFlowing: false,
})

/** Into the order of arrival; mostly at one of the ends. */
function insert(entries: Entry[], entry: Entry): void {
  let index = entries.length
  if ((entries[0]?.position ?? -1) > entry.position) index = 0
  while (index > 0 && (entries[index - 1] as Entry).position > entry.position) index -= 1
  entries.splice(index, 0, entry)
}
