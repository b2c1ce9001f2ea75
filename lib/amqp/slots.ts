import { createAlarm } from '#lib/alarm.ts'
import type { Deadline } from '#lib/deadline.ts'
import { WarrenError } from '#lib/errors.ts'

/** A bounded amount of room (places, or bytes); who finds too little waits in line, until the deadline. */
export interface Slots {
  /** Takes `size` if that is free and nobody waits. @default 1 */
  takeNow(size?: number): boolean
  /**
   * Resolves with true once `size` is taken, or with false when the room was given up.
   * @param size at most the whole room. @default 1
   * @throws {WarrenError} overloaded, when the deadline passes first
   */
  take(deadline: Deadline, size?: number): Promise<boolean> | boolean
  /** Gives room back; those in line get it in their order. */
  give(size?: number): void
  /** Sends everybody in line away with false. */
  giveUp(): void
}

interface Waiter {
  readonly size: number
  readonly dueMs: number
  readonly resolve: (taken: boolean) => void
  readonly reject: (error: Error) => void
}

/** @param room in all. */
export function createSlots(room: number): Slots {
  let free = room
  let givenUp = false
  const line = new Set<Waiter>()
  const leave = (waiter: Waiter, got: boolean) => {
    line.delete(waiter)
    if (line.size === 0) alarm.rest()
    waiter.resolve(got)
  }
  const alarm = createAlarm((nowMs) => {
    let nextMs = Number.POSITIVE_INFINITY
    for (const waiter of line) {
      if (waiter.dueMs > nowMs) nextMs = Math.min(nextMs, waiter.dueMs)
      else {
        line.delete(waiter)
        waiter.reject(new WarrenError('overloaded'))
      }
    }
    return nextMs
  })
  const wait = ({ atMs: dueMs }: Deadline, size: number) =>
    new Promise<boolean>((resolve, reject) => {
      line.add({ size, dueMs, resolve, reject })
      alarm.set(dueMs)
    })
  const takeNow = (size = 1) => {
    if (givenUp || free < size || line.size > 0) return false
    free -= size
    return true
  }
  return {
    takeNow,
    take: (deadline, size = 1) => {
      if (givenUp) return false
      return takeNow(size) || wait(deadline, size)
    },
    give: (size = 1) => {
      free += size
      for (const waiter of line) {
        if (waiter.size > free) break
        free -= waiter.size
        leave(waiter, true)
      }
    },
    giveUp: () => {
      givenUp = true
      for (const waiter of line) leave(waiter, false)
    },
  }
}
