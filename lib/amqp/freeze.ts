/** Two clocks in ms. A freeze shows on at least one: some stop the monotonic clock, some the other. */
export interface Clocks {
  wallMs(): number
  monotonicMs(): number
}

const SYSTEM: Clocks = { wallMs: () => Date.now(), monotonicMs: () => performance.now() }

const TICK_MS = 1000

/** Notices that the process did not run for a while: a frozen Lambda environment, SIGSTOP, a sleeping laptop. */
export interface FreezeWatch {
  /** Notes the clocks and reports a gap since they were noted last. */
  note(): void
  stop(): void
}

/**
 * Watches with a ticker that does not keep the process alive.
 * @param onGap gets the length of each gap in ms. A step back of the wall clock counts as a gap of
 * that length, since nobody can tell what it hides.
 * @param thresholdMs what counts as a gap; at least twice the tick of 1 s
 */
export function watchFreezes(
  onGap: (ms: number) => void,
  thresholdMs: number,
  clocks: Clocks = SYSTEM,
): FreezeWatch {
  let wall = clocks.wallMs()
  let monotonic = clocks.monotonicMs()
  const note = () => {
    const wallNow = clocks.wallMs()
    const monotonicNow = clocks.monotonicMs()
    const gap = Math.max(Math.abs(wallNow - wall), monotonicNow - monotonic)
    wall = wallNow
    monotonic = monotonicNow
    if (gap > thresholdMs) onGap(gap)
  }
  const ticker = setInterval(note, TICK_MS)
  ticker.unref()
  return { note, stop: () => clearInterval(ticker) }
}
