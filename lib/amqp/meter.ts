/** What a publisher reports to whoever counts; each call is one event. */
export interface PublisherMeter {
  /** @param ms from the write to the confirm */
  confirmed(ms: number): void
  /** A confirmed message came back: no queue took it. */
  returned(): void
  nacked(): void
  /** A connection was opened; every one after the first is a reconnect. */
  connected(): void
  /** The broker is under alarm and takes no messages (true), or takes them again (false). */
  blocked(isBlocked: boolean): void
  /** @param change +1 a message was written, -1 its fate is known */
  inFlight(change: 1 | -1): void
}

export const NO_METER: PublisherMeter = {
  confirmed: () => {},
  returned: () => {},
  nacked: () => {},
  connected: () => {},
  blocked: () => {},
  inFlight: () => {},
}
