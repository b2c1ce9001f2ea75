import type { ForwarderState, Trouble } from './forwarding.ts'

/** What a look at the destination shows while the relay holds. */
export interface Sight {
  /** The destination is there. */
  readonly found: boolean
  /** Ready messages in the destination queue, when it is one. */
  readonly messages: number | undefined
  /** Its broker takes messages. */
  readonly blocked: boolean
}

/**
 * A pause: nothing is consumed, since each closing of the consuming channel counts as a failed delivery
 * of all that was on it, and the broker parks a message after DELIVERY_LIMIT of them.
 */
export interface Pause {
  /** Whether to try again, having seen this. */
  mayResume(sight: Sight, nowMs: number): boolean
}

export interface Pauses {
  /**
   * The destination has refused for too long.
   * @param messages in the destination when it refused
   */
  begin(trouble: Trouble | undefined, messages: number | undefined, nowMs: number): Pause
  /** A message got through. */
  reset(): void
}

/** From HOLD_PAUSE_MS the pauses double up to this: 50 deliveries then last for more than three days. */
export const LONGEST_PAUSE_MS = 2 * 60 * 60 * 1000

/**
 * A try is worth it as soon as the cause has gone: what was missing is found, what was blocked is free,
 * what was lost is back, what was full has fewer messages. For every cause, one is due after the pause.
 */
export function createPauses(firstMs: number): Pauses {
  let nextMs = firstMs
  return {
    begin: (trouble, messages, nowMs) => {
      const dueMs = nowMs + nextMs
      nextMs = Math.min(LONGEST_PAUSE_MS, nextMs * 2)
      let wasAbsent = false
      return {
        mayResume: (sight, atMs) => {
          if (!sight.found) wasAbsent = true
          if (!sight.found || sight.blocked) return false
          return atMs >= dueMs || wasAbsent || isGone(trouble, messages, sight)
        },
      }
    },
    reset: () => {
      nextMs = firstMs
    },
  }
}

function isGone(trouble: Trouble | undefined, messages: number | undefined, sight: Sight): boolean {
  if (trouble === 'blocked' || trouble === 'lost') return true
  if (trouble !== 'nacked' || messages === undefined || sight.messages === undefined) return false
  return sight.messages < messages
}

/** RabbitMQ closes a channel over a delivery that is 30 minutes old (its `consumer_timeout`). */
const OLDEST_MS = 20 * 60 * 1000

/**
 * Whether the consuming channel must be closed: `held`, since nothing became safe for HOLD_MS, of what
 * does not wait aside or has no room there; `recycled`, since a delivery grew old.
 */
export function overdue(
  { inHand, aside, isCrowded, progressMs, oldestMs }: ForwarderState,
  nowMs: number,
  holdMs: number,
): 'held' | 'recycled' | undefined {
  if (inHand === 0) return undefined
  if ((inHand > aside || isCrowded) && nowMs - progressMs >= holdMs) return 'held'
  return nowMs - oldestMs >= OLDEST_MS ? 'recycled' : undefined
}
