/** One timer for many things that may become due, where nearly all are done before. */
export interface Alarm {
  /** Something will be due at `atMs`. It keeps the process alive. */
  set(atMs: number): void
  /** Nothing is left that could become due. */
  rest(): void
}

/**
 * Rings at the earliest moment that it is set to, and then at the next.
 * @param ring does what is due at `nowMs`, and tells when the next is: Infinity for never. All on the
 * clock of `performance.now()`
 */
export function createAlarm(ring: (nowMs: number) => number): Alarm {
  let ringsAtMs = Number.POSITIVE_INFINITY
  let timer: NodeJS.Timeout | undefined
  const set = (atMs: number) => {
    if (atMs >= ringsAtMs) return void timer?.ref()
    clearTimeout(timer)
    ringsAtMs = atMs
    timer = setTimeout(onTimer, Math.max(0, Math.ceil(atMs - performance.now())))
  }
  const onTimer = () => {
    ringsAtMs = Number.POSITIVE_INFINITY
    const nextMs = ring(performance.now())
    if (nextMs < ringsAtMs) set(nextMs)
  }
  return { set, rest: () => void timer?.unref() }
}
