import { atMost, type Deadline, remainingMs } from './deadline.ts'
import { within } from './within.ts'

export interface KeptOptions<T> {
  /** Reads the value anew; must end by the deadline. */
  readonly read: (deadline: Deadline) => Promise<T>
  /** The value is read again when asked for after this time. */
  readonly everyMs: number
  /** How long the last good value serves while reading fails. */
  readonly keepMs: number
  /** One read may take this long. */
  readonly timeoutMs: number
  readonly onFailure: (error: unknown) => void
  /** Wall clock, in ms: a process that slept notices. */
  readonly now: () => number
}

/** A value that somebody else may change. */
export interface Kept<T> {
  /**
   * The value, at most `everyMs` old, or the last good one while reading fails.
   * @param fresh read it anew however young it is: it was found to be wrong
   * @throws what `read` threw, when there is no good value that is young enough
   */
  get(deadline: Deadline, fresh?: boolean): Promise<T>
}

interface Good<T> {
  readonly value: T
  readonly atMs: number
}

/** Keeps a value that is read from afar. Callers who ask at the same time share one reading. */
export function kept<T>(options: KeptOptions<T>): Kept<T> {
  const { everyMs, keepMs, now } = options
  let good: Good<T> | undefined
  let triedMs = Number.NEGATIVE_INFINITY
  let reading: Promise<T> | undefined

  const isDue = () => now() < triedMs || now() - triedMs >= everyMs
  const usable = () => (good !== undefined && now() - good.atMs < keepMs ? good : undefined)

  const readAnew = async (deadline: Deadline) => {
    triedMs = now()
    try {
      const by = atMost(deadline, options.timeoutMs)
      const value = await within(options.read(by), remainingMs(by), late)
      good = { value, atMs: now() }
      return value
    } catch (error) {
      // Without a value to go on with, the next caller may try at once.
      if (usable() === undefined) triedMs = Number.NEGATIVE_INFINITY
      options.onFailure(error)
      throw error
    } finally {
      reading = undefined
    }
  }

  return {
    get: async (deadline, fresh = false) => {
      const current = usable()
      if (current !== undefined && !fresh && !isDue()) return current.value
      reading ??= readAnew(deadline)
      return reading.catch((error) => {
        const last = usable()
        if (last === undefined) throw error
        return last.value
      })
    },
  }
}

const late = () => new Error('reading took too long')
