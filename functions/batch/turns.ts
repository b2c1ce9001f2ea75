import { createSlots, type Slots } from '#lib/amqp/slots.ts'
import type { Deadline } from '#lib/deadline.ts'

const KIB = 1024
/**
 * Bytes of batches to one exchange that are taken apart and published at once; further ones wait as the
 * bytes they came as. Four batches of 100 messages of 1 KB already are more than the channel of an exchange
 * may have under way (256). With eight, what waits outlives the collections of young garbage, and the
 * gateway takes a sixth more CPU; with 64, it took 420 MB instead of 200 (measured).
 */
const AT_ONCE = 512 * KIB
/** What a batch counts for: four of the largest are under way, and of small ones sixteen. */
const LEAST = AT_ONCE / 16
const MOST = AT_ONCE / 4

/** Lets batches pass, few at a time for each exchange, so that none waits for the exchange of another. */
export interface Turns {
  /**
   * Runs `publish` when it is its turn.
   * @param bytes of the batch
   * @throws {WarrenError} overloaded, when the deadline passes first; then it did not run
   */
  take<T>(
    exchange: string,
    bytes: number,
    deadline: Deadline,
    publish: () => Promise<T>,
  ): Promise<T>
}

interface Turn {
  readonly slots: Slots
  /** Waiting or under way. */
  batches: number
}

export function createTurns(): Turns {
  const turns = new Map<string, Turn>()
  return {
    take: async (exchange, bytes, deadline, publish) => {
      const turn = turns.get(exchange) ?? { slots: createSlots(AT_ONCE), batches: 0 }
      turns.set(exchange, turn)
      turn.batches += 1
      const size = Math.min(MOST, Math.max(LEAST, bytes))
      try {
        await turn.slots.take(deadline, size)
        return await publish().finally(() => turn.slots.give(size))
      } finally {
        turn.batches -= 1
        if (turn.batches === 0) turns.delete(exchange)
      }
    },
  }
}
