import { type Deadline, remainingMs } from '#lib/deadline.ts'
import { WarrenError } from '#lib/errors.ts'

/** A bounded number of places; who finds none waits in line, until the deadline. */
export interface Slots {
  /**
   * Resolves with true once a place is taken, or with false when the places were given up.
   * @throws {WarrenError} overloaded, when the deadline passes first
   */
  take(deadline: Deadline): Promise<boolean> | boolean
  /** Gives a place back; the first in line gets it. */
  give(): void
  /** Sends everybody in line away with false. */
  giveUp(): void
}

interface Waiter {
  readonly resolve: (taken: boolean) => void
  readonly timer: NodeJS.Timeout
}

/** @param limit places in all. */
export function createSlots(limit: number): Slots {
  let taken = 0
  let givenUp = false
  const line = new Set<Waiter>()
  const leave = (waiter: Waiter, got: boolean) => {
    line.delete(waiter)
    clearTimeout(waiter.timer)
    waiter.resolve(got)
  }
  return {
    take: (deadline) => {
      if (givenUp) return false
      if (taken < limit) {
        taken += 1
        return true
      }
      return wait(line, deadline)
    },
    give: () => {
      const [first] = line
      if (first) leave(first, true)
      else taken -= 1
    },
    giveUp: () => {
      givenUp = true
      for (const waiter of line) leave(waiter, false)
    },
  }
}

function wait(line: Set<Waiter>, deadline: Deadline): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => {
        line.delete(waiter)
        reject(new WarrenError('overloaded'))
      },
      Math.max(0, remainingMs(deadline)),
    )
    const waiter: Waiter = { resolve, timer }
    line.add(waiter)
  })
}
