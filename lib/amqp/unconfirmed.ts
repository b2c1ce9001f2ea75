import { createAlarm } from '#lib/alarm.ts'
import type { Deadline } from '#lib/deadline.ts'
import { WarrenError } from '#lib/errors.ts'
import type { OutgoingMessage } from './message.ts'

/** A message on the wire whose fate is not known yet. */
export interface Unconfirmed {
  readonly number: number
  readonly messageId: string
  readonly exchange: string
  /** On the clock of `performance.now()`, like all times here. */
  readonly writtenMs: number
  /** It came back: no queue took it. */
  returned: boolean
}

/** The messages of one channel that are under way, by their number and by their id; both are unique. */
export interface UnconfirmedMessages {
  /**
   * Resolves with the outcome that the message is settled with, at most at the deadline.
   * @throws {WarrenError} confirm-timeout at the deadline; the message stays under way: its confirm, or
   * its being late, still frees its place
   */
  add(message: OutgoingMessage, number: number, deadline: Deadline): Promise<boolean>
  withId(messageId: string): Unconfirmed | undefined
  /** Resolves once it is settled. @throws {WarrenError} overloaded, when the deadline passes first */
  settled(messageId: string, deadline: Deadline): Promise<void>
  /** What a confirm of `number` is about: with `multiple`, all up to it. */
  upTo(number: number, multiple: boolean): readonly Unconfirmed[]
  all(): readonly Unconfirmed[]
  count(): number
  /** An error is thrown to the caller. */
  settle(message: Unconfirmed, outcome: boolean | Error): void
  oldestWriteMs(): number | undefined
}

export interface UnconfirmedOptions {
  /** Its confirm is late; the outcome that it is settled with then. */
  readonly onLate: (message: Unconfirmed) => Promise<boolean>
  readonly onSettled: () => void
}

/** A confirm is late after this; on a healthy broker the slowest take some 100 ms. */
const CONFIRM_LATE_MS = 2500
/** And this much later for each byte: 1 s for 10 MB, which a slow network may take to carry. */
const LATE_MS_PER_BYTE = 1000 / 10_000_000

interface Entry extends Unconfirmed {
  /** When its caller is told that there was no confirm. */
  dueMs: number
  lateMs: number
  readonly resolve: (outcome: boolean) => void
  readonly reject: (error: unknown) => void
  /** Who waits until it is settled, to send another message with the same id; there may be thousands. */
  waiters?: Set<() => void>
}

export function createUnconfirmed(options: UnconfirmedOptions): UnconfirmedMessages {
  const byNumber = new Map<number, Entry>()
  const byId = new Map<string, Entry>()

  const settle = (message: Unconfirmed, outcome: boolean | Error) => {
    const entry = byNumber.get(message.number)
    if (entry === undefined) return
    byNumber.delete(entry.number)
    byId.delete(entry.messageId)
    if (byNumber.size === 0) alarm.rest()
    options.onSettled()
    if (outcome instanceof Error) entry.reject(outcome)
    else entry.resolve(outcome)
    for (const waiter of entry.waiters ?? []) waiter()
  }
  const lookAt = (entry: Entry, nowMs: number) => {
    if (entry.dueMs <= nowMs) {
      entry.dueMs = Number.POSITIVE_INFINITY
      entry.reject(new WarrenError('confirm-timeout'))
    }
    if (entry.lateMs <= nowMs) {
      entry.lateMs = Number.POSITIVE_INFINITY
      options.onLate(entry).then(
        (outcome) => settle(entry, outcome),
        (error) => settle(entry, error),
      )
    }
    return Math.min(entry.dueMs, entry.lateMs)
  }
  const alarm = createAlarm((nowMs) => {
    let nextMs = Number.POSITIVE_INFINITY
    for (const entry of byNumber.values()) nextMs = Math.min(nextMs, lookAt(entry, nowMs))
    return nextMs
  })

  return {
    add: ({ exchange, properties: { messageId }, body }, number, { atMs: dueMs }) =>
      new Promise((resolve, reject) => {
        const writtenMs = performance.now()
        const lateMs = writtenMs + CONFIRM_LATE_MS + body.length * LATE_MS_PER_BYTE
        const entry: Entry = {
          number,
          messageId,
          exchange,
          writtenMs,
          returned: false,
          dueMs,
          lateMs,
          resolve,
          reject,
        }
        byNumber.set(number, entry)
        byId.set(messageId, entry)
        alarm.set(Math.min(dueMs, lateMs))
      }),
    withId: (messageId) => byId.get(messageId),
    settled: (messageId, deadline) => settled(byId.get(messageId), deadline),
    upTo: (number, multiple) => {
      const one = byNumber.get(number)
      if (!multiple) return one === undefined ? [] : [one]
      const found: Unconfirmed[] = []
      for (const entry of byNumber.values()) {
        if (entry.number > number) break
        found.push(entry)
      }
      return found
    },
    all: () => [...byNumber.values()],
    count: () => byNumber.size,
    settle,
    oldestWriteMs: () => byNumber.values().next().value?.writtenMs,
  }
}

/** @throws {WarrenError} overloaded, when the deadline passes before it is settled */
function settled(entry: Entry | undefined, { atMs }: Deadline): Promise<void> {
  if (entry === undefined) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const waiters = entry.waiters ?? new Set()
    entry.waiters = waiters
    const waiter = () => {
      clearTimeout(timer)
      resolve()
    }
    const late = () => {
      waiters.delete(waiter)
      reject(new WarrenError('overloaded'))
    }
    const timer = setTimeout(late, Math.max(0, atMs - performance.now()))
    waiters.add(waiter)
  })
}
