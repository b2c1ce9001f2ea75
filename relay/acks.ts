/** Gathers acks, so that one frame acknowledges many deliveries: half the broker's work (measured). */
export interface Acks {
  /**
   * All deliveries up to this tag are safe.
   * @param idle nothing else is in hand: there is nothing to wait for
   */
  note(tag: number, idle: boolean): void
  /** Sends what was gathered. */
  flush(): void
  /** Sends nothing any more: the channel is gone. */
  stop(): void
}

export interface AcksOptions {
  readonly ackUpTo: (tag: number) => void
  /** Sent at the latest when so many deliveries wait for it, */
  readonly batch: number
  /** or after this time. */
  readonly intervalMs: number
}

export function createAcks({ ackUpTo, batch, intervalMs }: AcksOptions): Acks {
  let sent = 0
  let noted = 0
  let timer: NodeJS.Timeout | undefined
  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    if (noted > sent) ackUpTo(noted)
    sent = noted
  }
  return {
    stop: () => clearTimeout(timer),
    note: (tag, idle) => {
      noted = tag
      if (idle || noted - sent >= batch) flush()
      else timer ??= setTimeout(flush, intervalMs)
    },
    flush,
  }
}
