/** A point in time by which an answer is due; passed to every step of a request. */
export interface Deadline {
  /** On the clock of `performance.now()`, in ms. */
  readonly atMs: number
}

/** @param ms from now. */
export const deadlineIn = (ms: number): Deadline => ({ atMs: performance.now() + ms })

/** Milliseconds left; negative once it has passed. */
export const remainingMs = (deadline: Deadline): number => deadline.atMs - performance.now()

/** The earlier of the deadline and `ms` from now. */
export const atMost = (deadline: Deadline, ms: number): Deadline => ({
  atMs: Math.min(deadline.atMs, performance.now() + ms),
})
