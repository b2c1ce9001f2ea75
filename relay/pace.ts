/** Decides how much may be unconfirmed, and when to try again after the destination refused. */
export interface Pace {
  /** How many messages may be unconfirmed at this time; 0: wait. */
  allowance(nowMs: number): number
  /** The destination took a message. */
  confirmed(): void
  /** The destination refused. Gives the time of the next try, which is a single message. */
  refused(nowMs: number): number
  /** That time has come; a timer may be a little early. */
  due(): void
  /** One at a time until `passed`, to find which message it is that ends the channel. */
  search(): void
  passed(): void
  readonly searching: boolean
  /** When the next try is due; a time that is past: now. */
  readonly notBeforeMs: number
}

/** Between tries: from this, doubling, */
const FIRST_BACKOFF_MS = 100
/** to this; reset by a confirm. Being held for long has its own rules: see hold.ts. */
const LAST_BACKOFF_MS = 30_000
/** Beyond the largest prefetch there is nothing to limit. */
const UNLIMITED = 65_536

/**
 * After a refusal one message probes the destination; each time as many were taken as were allowed,
 * twice as many are. So a destination that has room for a few is not flooded with a whole window, most
 * of it to be refused again and out of order.
 * @param order `strict`: never more than one, so that nothing can overtake
 */
export function createPace(order: 'window' | 'strict', lastBackoffMs = LAST_BACKOFF_MS): Pace {
  let allowed = UNLIMITED
  let taken = 0
  let backoffMs = 0
  let notBeforeMs = 0
  let searching = false
  return {
    allowance: (nowMs) => {
      if (nowMs < notBeforeMs) return 0
      return searching || order === 'strict' ? 1 : allowed
    },
    confirmed: () => {
      backoffMs = 0
      notBeforeMs = 0
      taken += 1
      if (taken < allowed || allowed >= UNLIMITED) return
      allowed *= 2
      taken = 0
    },
    refused: (nowMs) => {
      allowed = 1
      taken = 0
      // The rest of a burst that is being refused is the same refusal.
      if (nowMs >= notBeforeMs) {
        backoffMs = Math.min(lastBackoffMs, Math.max(FIRST_BACKOFF_MS, backoffMs * 2))
        notBeforeMs = nowMs + backoffMs
      }
      return notBeforeMs
    },
    due: () => {
      notBeforeMs = 0
    },
    search: () => {
      searching = true
    },
    passed: () => {
      searching = false
    },
    get searching() {
      return searching
    },
    get notBeforeMs() {
      return notBeforeMs
    },
  }
}
