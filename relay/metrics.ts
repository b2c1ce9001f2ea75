import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { droppedLines } from '#lib/log-lines.ts'
import { type RelayStatus, unreadiness } from './status.ts'

/** What a relay counts; the gauges are read from its status when somebody asks. */
export interface RelayMetrics {
  readonly registry: Registry
  readonly forwarded: Counter
  readonly returned: Counter
  readonly nacked: Counter
  readonly parked: Counter<'reason'>
  /** In the relay's hands; what expires in the staging queue, the broker counts. */
  readonly expired: Counter
  readonly redelivered: Counter
  readonly heldSeconds: Counter
  readonly reconnects: Counter<'side'>
  readonly restored: Counter
  readonly hopSeconds: Histogram
}

/** From a confirm on an idle machine (0.5 ms, measured) to a hold of a minute. */
const HOP_BUCKETS_S = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 60,
]

/** @param labels go on every series: exchange, destination and, when it copies, the staging queue */
export function createMetrics(
  labels: Readonly<Record<string, string>>,
  status: () => RelayStatus,
): RelayMetrics {
  const registry = new Registry()
  registry.setDefaultLabels(labels)
  const registers = [registry]
  const counter = <L extends string = never>(name: string, help: string, labelNames: L[] = []) =>
    new Counter<L>({ name: `warren_relay_${name}`, help, labelNames, registers })
  const gauge = (name: string, help: string, read: (status: RelayStatus) => number | undefined) =>
    new Gauge({
      name: `warren_relay_${name}`,
      help,
      registers,
      collect() {
        const value = read(status())
        if (value !== undefined) this.set(value)
        else this.remove() // Not known is not 0.
      },
    })
  addGauges(gauge)
  new Counter({
    name: 'warren_relay_log_dropped_total',
    help: 'Lines of the log that nobody took.',
    registers,
    collect() {
      this.reset()
      this.inc(droppedLines())
    },
  })
  return {
    registry,
    forwarded: counter('forwarded_total', 'Messages confirmed and routed by the destination.'),
    returned: counter('returned_total', 'Copies that no queue took (basic.return).'),
    nacked: counter('nacked_total', 'Copies that the destination refused (basic.nack).'),
    parked: counter('parked_total', 'Messages put into the parking queue.', ['reason']),
    expired: counter('expired_total', 'Messages whose time was over in the relay: in .dead.'),
    redelivered: counter('redelivered_total', 'Deliveries that the broker had made before.'),
    heldSeconds: counter('held_seconds_total', 'Time during which the destination took nothing.'),
    reconnects: counter('reconnects_total', 'Connections lost.', ['side']),
    restored: counter('restored_total', 'Missing exchanges and queues that were declared again.'),
    hopSeconds: new Histogram({
      name: 'warren_relay_hop_seconds',
      help: 'From the delivery to the confirm of its copy.',
      buckets: HOP_BUCKETS_S,
      registers,
    }),
  }
}

function addGauges(
  gauge: (name: string, help: string, read: (status: RelayStatus) => number | undefined) => Gauge,
): void {
  gauge('ready', '1 while /readyz says ready.', (status) =>
    unreadiness(status, performance.now()).length === 0 ? 1 : 0,
  )
  gauge('in_hand', 'Deliveries not safe yet.', ({ work }) => work?.inHand ?? 0)
  gauge(
    'aside',
    'Of those in hand, refused and waiting while others go on.',
    ({ work }) => work?.aside ?? 0,
  )
  gauge('in_flight', 'Copies written and not confirmed.', ({ work }) => work?.inFlight ?? 0)
  gauge('in_hand_bytes', 'Bytes of the deliveries not safe yet.', ({ work }) => work?.bytes ?? 0)
  gauge(
    'staging_messages',
    'Ready messages in the staging queue.',
    ({ staging }) => staging?.messages,
  )
  gauge('staging_consumers', 'Consumers of the staging queue.', ({ staging }) => staging?.consumers)
  gauge('parking_messages', 'Ready messages in the parking queue.', ({ dead }) => dead?.messages)
  gauge(
    'topology_mismatches',
    'Exchanges and queues that are not as this relay would have declared them.',
    ({ mismatches }) => mismatches,
  )
  gauge('blocked', '1 while the destination is under alarm.', ({ blocked }) => (blocked ? 1 : 0))
}
