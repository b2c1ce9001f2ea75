import { type Deadline, remainingMs } from './deadline.ts'
import { WarrenError } from './errors.ts'

/** Long work in pieces: between two of them others have their turn. */
export interface Pace {
  /** Whether a piece has taken as long as one may. */
  isDue(): boolean
  /**
   * Resolves when it is this party's turn for the next piece.
   * @throws {WarrenError} overloaded, when there is no time left for anything else
   */
  next(): Promise<void>
}

/** For work that is short: there is never a next piece. */
export const AT_ONCE: Pace = { isDue: () => false, next: async () => {} }

/**
 * The process's one thread, shared: one piece of somebody's work a turn of the event loop, so that
 * requests are answered in between; each party has every n-th piece, however much one of them asks for.
 */
export interface Shares {
  /** @param party who the work is for, e.g. a token's name; its work takes turns among itself, too */
  pace(party: string, deadline: Deadline): Pace
}

/** A piece: a request that comes in meanwhile waits no longer than that, and a turn costs 20 us (measured). */
const PIECE_MS = 1
/**
 * What must be left for the broker when the work is done: a connection (2 s) and a confirm. Work that
 * ends later could only be followed by an answer that blames the broker.
 */
const LEFT_MS = 2500

interface Waiter {
  readonly dueMs: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Nobody waits in the beginning. */
export function createShares(): Shares {
  const lines = new Map<string, Waiter[]>()
  let isAwake = false
  const pass = () => {
    isAwake = false
    for (const [party, line] of lines) {
      const waiter = line.shift()
      lines.delete(party)
      if (line.length > 0) lines.set(party, line) // Behind the others.
      if (waiter === undefined) continue
      wake()
      if (waiter.dueMs > performance.now()) return waiter.resolve()
      waiter.reject(new WarrenError('overloaded'))
    }
  }
  const wake = () => {
    if (isAwake || lines.size === 0) return
    isAwake = true
    setImmediate(pass)
  }
  return {
    pace: (party, deadline) => {
      let dueMs = performance.now() + PIECE_MS
      const until = deadline.atMs - Math.min(LEFT_MS, remainingMs(deadline) / 2)
      return {
        isDue: () => performance.now() >= dueMs,
        next: async () => {
          await new Promise<void>((resolve, reject) => {
            const line = lines.get(party) ?? []
            lines.set(party, line)
            line.push({ dueMs: until, resolve, reject })
            wake()
          })
          dueMs = performance.now() + PIECE_MS
        },
      }
    },
  }
}
