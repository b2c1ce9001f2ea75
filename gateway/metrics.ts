import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { PublisherMeter } from '#lib/amqp/meter.ts'
import type { Answered } from '#lib/http/respond.ts'
import { droppedLines } from '#lib/log-lines.ts'

/** What the gateway counts, for Prometheus. */
export interface GatewayMetrics {
  readonly publisher: PublisherMeter
  answered(answered: Answered): void
  /** The text of /metrics and its content type. */
  text(): Promise<string>
  readonly contentType: string
}

/** Seconds; a confirm on a healthy broker takes under 10 ms, and 7 s is the longest wait. */
const LATENCY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** @param heldBytes bytes of bodies that the gateway holds now */
export function createMetrics(heldBytes: () => number): GatewayMetrics {
  const registers = [new Registry()]
  const [registry] = registers as [Registry]
  collectDefaultMetrics({ register: registry })
  const requests = new Counter({
    name: 'warren_requests_total',
    help: 'Requests answered, by how they ended.',
    labelNames: ['outcome', 'code', 'status', 'exchange'],
    registers,
  })
  const duration = new Histogram({
    name: 'warren_request_seconds',
    help: 'From the end of the body to the answer.',
    labelNames: ['outcome'],
    buckets: LATENCY_BUCKETS,
    registers,
  })
  new Gauge({
    name: 'warren_held_body_bytes',
    help: 'Bytes of bodies held now.',
    registers,
    collect() {
      this.set(heldBytes())
    },
  })
  new Counter({
    name: 'warren_log_dropped_total',
    help: 'Lines of the log that nobody took.',
    registers,
    collect() {
      this.reset()
      this.inc(droppedLines())
    },
  })
  return {
    publisher: publisherMeter(registers),
    answered: ({ outcome, code = '', status, exchange = '', ms }) => {
      requests.inc({ outcome, code, status, exchange })
      duration.observe({ outcome }, ms / 1000)
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}

function publisherMeter(registers: Registry[]): PublisherMeter {
  const counter = (name: string, help: string) => new Counter({ name, help, registers })
  const confirm = new Histogram({
    name: 'warren_confirm_seconds',
    help: 'From the write of a message to its confirm.',
    buckets: LATENCY_BUCKETS,
    registers,
  })
  let inFlight = 0
  new Gauge({
    name: 'warren_unconfirmed_messages',
    help: 'Messages written whose fate is not known yet.',
    registers,
    collect() {
      this.set(inFlight)
    },
  })
  const returned = counter('warren_returned_total', 'Messages that no queue took.')
  const nacked = counter('warren_nacked_total', 'Messages that a queue refused.')
  const connected = counter('warren_connections_opened_total', 'Connections opened to the broker.')
  let blockedSince: number | undefined
  let blockedS = 0
  const blockedNow = () =>
    blockedSince === undefined ? 0 : (performance.now() - blockedSince) / 1000
  new Gauge({
    name: 'warren_blocked_seconds_total',
    help: 'Seconds in which the broker took no messages because of an alarm.',
    registers,
    collect() {
      this.set(blockedS + blockedNow())
    },
  })
  return {
    confirmed: (ms) => confirm.observe(ms / 1000),
    returned: () => returned.inc(),
    nacked: () => nacked.inc(),
    connected: () => connected.inc(),
    inFlight: (change) => {
      inFlight += change
    },
    blocked: (isBlocked) => {
      blockedS += blockedNow()
      blockedSince = isBlocked ? performance.now() : undefined
    },
  }
}
