import { setTimeout as sleep } from 'node:timers/promises'
import type { AmqpConnection } from '#lib/amqp/connection.ts'
import type { Delivery } from '#lib/amqp/consumer.ts'
import { PROPERTY, shortStringText, splitProperties } from '#lib/amqp/raw-properties.ts'
import { declareQueue } from '#lib/amqp/topology.ts'
import type { RelaySettings } from '#lib/config-relay.ts'
import type { CopiedTopology } from '#lib/listener/adopt.ts'
import { deadLetterSpec } from '#lib/listener/specs.ts'
import type { Log } from '#lib/log.ts'
import { createDestination, type Destination } from './destination.ts'
import { createPauses, type Pauses } from './hold.ts'
import type { RelayMetrics } from './metrics.ts'
import { createParking, type Parking } from './parking.ts'
import { openSession, type Session, type SessionEnd, type SessionOptions } from './session.ts'
import { createSource, type Source } from './source.ts'
import type { Connect, Running, Sides } from './start.ts'
import type { RelayStatus } from './status.ts'

export interface RelayOptions {
  readonly settings: RelaySettings
  readonly connect: Sides<Connect>
  /** Open connections to begin with. */
  readonly connections: Sides<AmqpConnection>
  readonly topology: CopiedTopology
  readonly metrics: RelayMetrics
  readonly log: Log
}

interface Work {
  readonly options: RelayOptions
  readonly source: Source
  readonly destination: Destination
  readonly parking: Parking
  readonly pauses: Pauses
  readonly stopping: AbortController
  session: Session | undefined
  paused: RelayStatus['paused']
  /** Sessions in a row that ended with deliveries in hand and made none of them safe. */
  fruitless: number
  /** Sessions that this process ended, with deliveries in hand. */
  ownCloses: number
}

/** So many ends without a message made safe may be chance; then each costs a pause. */
const FRUITLESS_SESSIONS = 3
const RETRY_MS = 1000
const POLL_MS = 50
/** Of the grace, for closing a channel and the connections. */
const CLOSINGS_MS = 1500
const CLOSE_MS = 1000
const SECOND_MS = 1000

/** Copies, whatever happens to brokers, queues and connections. */
export function startRelay(options: RelayOptions): Running {
  const work = createWork(options)
  const supervised = supervise(work)
  const held = setInterval(() => {
    if (isHolding(work)) options.metrics.heldSeconds.inc()
  }, SECOND_MS)
  return {
    status: () => statusOf(work),
    stop: async (graceMs) => {
      clearInterval(held)
      const untilMs = performance.now() + graceMs
      work.stopping.abort()
      await work.session?.stop(Math.max(0, graceMs - CLOSINGS_MS))
      await supervised
      const leftMs = Math.max(0, Math.min(CLOSE_MS, untilMs - performance.now()))
      await work.parking.close(leftMs)
      await Promise.all([work.destination.close(leftMs), work.source.close(leftMs)])
    },
  }
}

function createWork(options: RelayOptions): Work {
  const { connect, connections, topology, settings, metrics, log } = options
  const sideOptions = (side: keyof Sides<unknown>) => ({
    settings,
    connect: connect[side],
    first: connections[side],
    onLost: () => metrics.reconnects.inc({ side }),
    onRestored: (names: readonly string[]) => metrics.restored.inc(names.length),
    log: log.child({ side }),
  })
  const work: Work = {
    options,
    source: createSource({
      ...sideOptions('source'),
      topology: topology.source,
      mayLook: () => !work.session?.isReadingPaused(),
    }),
    destination: createDestination({
      ...sideOptions('destination'),
      mayDeclare: topology.destination.mayDeclare,
      onReopened: (connection) => work.session?.attach(connection),
      onBlocked: (blocked) => {
        log.warn({ blocked }, "the destination's broker changed its alarm")
        work.session?.setBlocked(blocked)
      },
    }),
    parking: createParking({
      connect: connect.source,
      queue: settings.deadLetterQueue,
      declare: (connection) => declareQueue(connection, deadLetterSpec(settings)),
    }),
    pauses: createPauses(settings.holdPauseMs),
    stopping: new AbortController(),
    session: undefined,
    paused: undefined,
    fruitless: 0,
    ownCloses: 0,
  }
  return work
}

/** One session after the other, until the relay is stopped. */
async function supervise(work: Work): Promise<void> {
  let narrow = false
  let wide = false
  while (!isStopping(work)) {
    const source = work.source.connection()
    const destination = work.destination.connection()
    if (source === undefined || destination === undefined) {
      await pauseFor(work, POLL_MS)
    } else if (!(await work.source.restore())) {
      await pauseFor(work, RETRY_MS)
    } else if (!isStopping(work)) {
      const lanes = await work.destination.lanes()
      const end = await runSession(work, { source, destination, narrow, wide, lanes })
      // Not after a mere loss: one of a window that comes back alone would go behind the others.
      narrow = end.why === 'isolating' || (end.why === 'held' && !isOfKeys(end, lanes))
      wide = isWide(end, wide)
      if (end.why !== 'lost' && end.inHand + end.aside > 0) work.ownCloses += 1
      await pauseIfHeld(work, end)
    }
  }
}

/** No queue takes the keys that came; others may, which stand behind them. */
const isOfKeys = ({ trouble }: SessionEnd, lanes: SessionOptions['lanes']): boolean =>
  lanes !== undefined && trouble === 'unroutable'

/** What had to wait aside is still there, and comes first. */
const isWide = ({ why, aside }: SessionEnd, wasWide: boolean): boolean =>
  why === 'crowded' || (wasWide && aside > 0)

async function runSession(
  work: Work,
  how: Pick<SessionOptions, 'source' | 'destination' | 'narrow' | 'wide' | 'lanes'>,
): Promise<SessionEnd> {
  work.session = openSession({ ...how, ...sessionOptions(work) })
  const end = await work.session.ended
  work.session = undefined
  if (end.why !== 'stopped') work.options.log.warn({ ...end }, 'session ended')
  return end
}

function sessionOptions({ options, parking, source, destination, pauses, ownCloses }: Work) {
  const { settings, topology, metrics, log } = options
  return {
    settings,
    ownCloses,
    parking,
    parksByItself: topology.source.parksByItself,
    onMissing: () => destination.restore(),
    onForwarded: (_: Delivery, hopMs: number) => {
      metrics.forwarded.inc()
      metrics.hopSeconds.observe(hopMs / 1000)
      pauses.reset()
    },
    onRefused: (why: 'unroutable' | 'nacked') =>
      (why === 'nacked' ? metrics.nacked : metrics.returned).inc(),
    onParked: (delivery: Delivery, reason: string) => {
      if (reason === 'expired') return metrics.expired.inc() // Nothing is wrong with it.
      metrics.parked.inc({ reason })
      log.error({ reason, messageId: messageIdOf(delivery) }, 'message parked')
    },
    onDelivery: ({ redelivered }: Delivery) => {
      if (redelivered) metrics.redelivered.inc()
    },
    onCancelled: () => void source.restore(),
    log,
  } satisfies Partial<SessionOptions>
}

function messageIdOf({ properties }: Delivery): string | undefined {
  try {
    const id = splitProperties(properties)[PROPERTY.messageId]
    return id && shortStringText(id)
  } catch {
    return undefined // It is parked for being unreadable.
  }
}

/** After a hold, or several ends in vain, nothing is consumed for a while: see hold.ts. */
async function pauseIfHeld(work: Work, { why, trouble, inHand, safe }: SessionEnd): Promise<void> {
  work.fruitless = safe === 0 && inHand > 0 ? work.fruitless + 1 : 0
  if (isStopping(work) || (why !== 'held' && work.fruitless < FRUITLESS_SESSIONS)) return
  const { holdCheckMs } = work.options.settings
  work.paused = trouble ?? 'no-progress'
  const { messages } = await work.destination.look()
  const pause = work.pauses.begin(trouble, messages, performance.now())
  do {
    await pauseFor(work, holdCheckMs)
    if (trouble === 'unroutable') await work.destination.restore()
  } while (!isStopping(work) && !pause.mayResume(await work.destination.look(), performance.now()))
  work.paused = undefined
}

const isStopping = ({ stopping }: Work) => stopping.signal.aborted

const pauseFor = ({ stopping: { signal } }: Work, ms: number) =>
  sleep(ms, undefined, { signal }).catch(() => {}) // Stopping ends every pause.

function isHolding({ session, paused }: Work): boolean {
  const state = session?.state()
  if (paused !== undefined) return true
  return state?.trouble !== undefined && (state.inHand > state.aside || state.isCrowded)
}

function statusOf({ options, source, destination, session, paused }: Work): RelayStatus {
  const { mismatches: ofSource } = options.topology.source
  const { mismatches: ofDestination } = options.topology.destination
  return {
    sourceOpen: source.connection() !== undefined,
    destinationOpen: destination.connection() !== undefined,
    blocked: destination.connection()?.isBlocked() ?? false,
    topologyProblem: source.problem,
    paused,
    consuming: session?.isConsuming() ?? false,
    work: session?.state(),
    lastDeliveryMs: session?.lastDeliveryMs() ?? performance.now(),
    staging: source.staging,
    dead: source.dead,
    mismatches: ofSource.length + ofDestination.length,
  }
}
