import type { PublisherMeter } from '#lib/amqp/meter.ts'
import type { Answered } from '#lib/http/respond.ts'

/** Counts in a Lambda: CloudWatch makes metrics of log lines in its embedded metric format. */
export interface EmfMetrics {
  readonly publisher: PublisherMeter
  /** Writes one line for the request, with what happened at the broker since the line before. */
  answered(answered: Answered): void
}

export interface EmfOptions {
  /** Value of the dimension `Stack`. @default there is no such dimension */
  readonly stack?: string
  readonly write: (line: string) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Of all metrics that are made of log lines. */
export const EMF_NAMESPACE = 'Warren'
const REQUESTS = [{ Name: 'Requests', Unit: 'Count' }]
const METRICS = [
  { Name: 'DurationMs', Unit: 'Milliseconds' },
  { Name: 'ConfirmMs', Unit: 'Milliseconds' },
  { Name: 'InFlight', Unit: 'Count' },
  { Name: 'Returned', Unit: 'Count' },
  { Name: 'Nacked', Unit: 'Count' },
  { Name: 'Connections', Unit: 'Count' },
  { Name: 'BlockedSeconds', Unit: 'Seconds' },
]
/** Values of one metric that a line may hold (CloudWatch's specification of the format). */
const MOST_VALUES = 100

/** A line with counts of something, as metrics with these dimensions. @param now in ms since 1970 */
export function emfLine(
  dimensions: Readonly<Record<string, string>>,
  counts: Readonly<Record<string, number>>,
  now: number,
): string {
  const Metrics = Object.keys(counts).map((Name) => ({ Name, Unit: 'Count' }))
  const CloudWatchMetrics = [
    { Namespace: EMF_NAMESPACE, Dimensions: [Object.keys(dimensions)], Metrics },
  ]
  return JSON.stringify({ _aws: { Timestamp: now, CloudWatchMetrics }, ...dimensions, ...counts })
}

/**
 * Requests by outcome and, where the broker knows it, by exchange; confirm latencies; returns, nacks,
 * connections opened and seconds under alarm.
 */
export function createEmf({ stack, write, now }: EmfOptions): EmfMetrics {
  let confirms: number[] = []
  const since = { Returned: 0, Nacked: 0, Connections: 0 }
  let inFlight = 0
  let mostInFlight = 0
  let blockedSince: number | undefined
  let blockedMs = 0
  const settleBlocked = () => {
    if (blockedSince === undefined) return
    blockedMs += now() - blockedSince
    blockedSince = now()
  }
  const publisher: PublisherMeter = {
    confirmed: (ms) => {
      if (confirms.length < MOST_VALUES) confirms.push(ms)
    },
    returned: () => {
      since.Returned += 1
    },
    nacked: () => {
      since.Nacked += 1
    },
    connected: () => {
      since.Connections += 1
    },
    inFlight: (change) => {
      inFlight += change
      mostInFlight = Math.max(mostInFlight, inFlight)
    },
    blocked: (isBlocked) => {
      settleBlocked()
      blockedSince = isBlocked ? now() : undefined
    },
  }
  const answered = ({ outcome, exchange, ms }: Answered) => {
    settleBlocked()
    const own = stack === undefined ? [] : ['Stack']
    const byOutcome = [...own, 'Outcome']
    const byExchange = exchange === undefined ? [] : [[...byOutcome, 'Exchange']]
    // Each combination of a metric and its dimensions has its price: only requests are split up.
    const CloudWatchMetrics = [
      { Namespace: EMF_NAMESPACE, Dimensions: [own], Metrics: METRICS },
      { Namespace: EMF_NAMESPACE, Dimensions: [byOutcome, ...byExchange], Metrics: REQUESTS },
    ]
    const broker = { ...since, InFlight: mostInFlight, BlockedSeconds: blockedMs / 1000 }
    const names = { Stack: stack, Outcome: outcome, Exchange: exchange }
    const line = { ...names, Requests: 1, DurationMs: ms, ...broker }
    const _aws = { Timestamp: now(), CloudWatchMetrics }
    write(JSON.stringify({ _aws, ...line, ConfirmMs: confirms }))
    confirms = []
    blockedMs = 0
    mostInFlight = inFlight
    Object.assign(since, { Returned: 0, Nacked: 0, Connections: 0 })
  }
  return { publisher, answered }
}
