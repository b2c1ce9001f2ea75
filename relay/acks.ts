/** Gathers acks, so that one frame acknowledges many deliveries: half the broker's work (measured). */
export interface Acks {
  /**
   * All deliveries up to this tag are safe.
   * @param idle nothing else is in hand: there is nothing to wait for
   */
  note(tag: number, idle: boolean): void
  /** Others may be safe behind one that is not: each of those takes a frame of its own. */
  noteOthers(): void
  /** Sends what was gathered. Gives whether any of it, or of what went lately, was single. */
  flush(): boolean
  /** Sends nothing any more: the channel is gone. */
  stop(): void
}

export interface AcksOptions {
  readonly ackUpTo: (tag: number) => void
  readonly ack: (tag: number) => void
  /** The others that are safe, once. */
  readonly takeOthers: () => readonly number[]
  /** A steady clock, in ms. */
  readonly now: () => number
  /** Sent at the latest when so many deliveries wait for it, */
  readonly batch: number
  /** or after this time. */
  readonly intervalMs: number
}

/** The broker has surely taken an ack after this, unless it stalls. */
const LATELY_MS = 1000

export function createAcks(options: AcksOptions): Acks {
  const { ackUpTo, ack, takeOthers, batch, intervalMs, now } = options
  let sent = 0
  let noted = 0
  let singleMs = Number.NEGATIVE_INFINITY
  let timer: NodeJS.Timeout | undefined
  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    if (noted > sent) ackUpTo(noted)
    sent = noted
    for (const tag of takeOthers()) {
      ack(tag)
      singleMs = now()
    }
    return now() - singleMs < LATELY_MS
  }
  return {
    stop: () => clearTimeout(timer),
    note: (tag, idle) => {
      noted = tag
      if (idle || noted - sent >= batch) flush()
      else timer ??= setTimeout(flush, intervalMs)
    },
    noteOthers: () => {
      timer ??= setTimeout(flush, intervalMs)
    },
    flush,
  }
}
