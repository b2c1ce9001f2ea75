import { type Deadline, remainingMs } from '#lib/deadline.ts'
import { WarrenError } from '#lib/errors.ts'

/** A bounded amount of room (places, or bytes); who finds too little waits in line, until the deadline. */
export interface Slots {
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
  readonly resolve: (taken: boolean) => void
  readonly timer: NodeJS.Timeout
}

/** @param room in all. */
export function createSlots(room: number): Slots {
  let free = room
  let givenUp = false
  const line = new Set<Waiter>()
  const leave = (waiter: Waiter, got: boolean) => {
    line.delete(waiter)
    clearTimeout(waiter.timer)
    waiter.resolve(got)
  }
  return {
    take: (deadline, size = 1) => {
      if (givenUp) return false
      if (free < size || line.size > 0) return wait(line, deadline, size)
      free -= size
      return true
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

function wait(line: Set<Waiter>, deadline: Deadline, size: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => {
        line.delete(waiter)
        reject(new WarrenError('overloaded'))
      },
      Math.max(0, remainingMs(deadline)),
    )
    const waiter: Waiter = { size, resolve, timer }
    line.add(waiter)
  })
}
