import { createSlots, type Slots } from '#lib/amqp/slots.ts'
import type { Deadline } from '#lib/deadline.ts'

/**
 * Batches to one exchange that are taken apart and published at once; further ones wait as the bytes
 * they came as. Eight of 100 messages already fill what the channel of an exchange may have under way
 * three times; with all of 64 at once, the gateway took 420 MB instead of 230 (measured).
 */
const AT_ONCE = 8

/** Lets batches pass, few at a time for each exchange, so that none waits for the exchange of another. */
export interface Turns {
  /**
   * Runs `publish` when it is its turn.
   * @throws {WarrenError} overloaded, when the deadline passes first; then it did not run
   */
  take<T>(exchange: string, deadline: Deadline, publish: () => Promise<T>): Promise<T>
}

interface Turn {
  readonly slots: Slots
  /** Waiting or under way. */
  batches: number
}

export function createTurns(): Turns {
  const turns = new Map<string, Turn>()
  return {
    take: async (exchange, deadline, publish) => {
      const turn = turns.get(exchange) ?? { slots: createSlots(AT_ONCE), batches: 0 }
      turns.set(exchange, turn)
      turn.batches += 1
      try {
        await turn.slots.take(deadline)
        return await publish().finally(() => turn.slots.give())
      } finally {
        turn.batches -= 1
        if (turn.batches === 0) turns.delete(exchange)
      }
    },
  }
}
