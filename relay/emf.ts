import type { RelaySettings } from '#lib/config-relay.ts'
import { emfLine } from '#lib/emf.ts'
import type { RelayMetrics } from './metrics.ts'
import type { RelayStatus } from './status.ts'

export interface ReportOptions {
  readonly settings: Pick<RelaySettings, 'mode' | 'stagingQueue' | 'metricsStack'>
  readonly metrics: Pick<RelayMetrics, 'forwarded' | 'heldSeconds'>
  readonly status: () => RelayStatus
  readonly write: (line: string) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/**
 * How often: Amazon MQ has no metrics of single queues for RabbitMQ 4, and CloudWatch keeps data points
 * of a minute.
 */
const EVERY_MS = 60_000

/**
 * Writes into the log, at once and then every minute, a line of which CloudWatch makes metrics: the
 * dimensions are `Stack` and `Staging`, the name of the staging queue. Without `METRICS_STACK`, and
 * for a relay that has no staging queue, it writes none.
 * @returns stops it
 */
export function reportToCloudWatch(options: ReportOptions): () => void {
  const { mode, metricsStack: Stack, stagingQueue: Staging } = options.settings
  if (Stack === undefined || mode === 'bind') return () => {}
  const counts = counter(options)
  const report = async () =>
    options.write(emfLine({ Stack, Staging }, await counts(), options.now()))
  void report()
  const timer = setInterval(report, EVERY_MS)
  return () => clearInterval(timer)
}

/** What is there now, and what happened since the last time. What is not known is left out. */
function counter({ status, metrics }: ReportOptions) {
  const before = { forwarded: 0, held: 0 }
  return async (): Promise<Readonly<Record<string, number>>> => {
    const { staging, dead } = status()
    const forwarded = await totalOf(metrics.forwarded)
    const held = await totalOf(metrics.heldSeconds)
    const Forwarded = forwarded - before.forwarded
    const HeldSeconds = held - before.held
    Object.assign(before, { forwarded, held })
    return {
      Forwarded,
      HeldSeconds,
      ...(staging === undefined ? {} : { Backlog: staging.messages }),
      ...(dead === undefined ? {} : { Parked: dead.messages }),
    }
  }
}

async function totalOf(metric: RelayMetrics['forwarded']): Promise<number> {
  const { values } = await metric.get()
  return values[0]?.value ?? 0
}
