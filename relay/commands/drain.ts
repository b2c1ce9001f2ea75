import { setTimeout as sleep } from 'node:timers/promises'
import type { AmqpConnection } from '#lib/amqp/connection.ts'
import { compareQueue, queueState } from '#lib/amqp/topology.ts'
import { type Deadline, remainingMs } from '#lib/deadline.ts'
import { adoptDestination } from '#lib/listener/adopt.ts'
import { stagingSpec } from '#lib/listener/specs.ts'
import { createMetrics } from '#relay/metrics.ts'
import { startRelay } from '#relay/relay.ts'
import type { RunOptions } from '#relay/run.ts'
import type { Running } from '#relay/start.ts'
import type { Brokers } from './brokers.ts'

export interface DrainOptions {
  readonly run: RunOptions
  readonly brokers: Brokers
  /** To look at the staging queue with. */
  readonly control: AmqpConnection
  readonly deadline: Deadline
}

export interface Drained {
  readonly forwarded: number
  readonly parked: number
}

const LOOK_MS = 100
/** So many looks in a row must find nothing: a delivery may be on its way from one to the other. */
const EMPTY_LOOKS = 3
/** The broker hands back what a channel held soon after its end. */
const RELEASE_MS = 5000

/**
 * Runs the relay itself, without its exchange and binding, until nothing is ready and nothing in hand,
 * or the deadline. Afterwards the staging queue has no consumer of ours.
 */
export async function drain(options: DrainOptions): Promise<Drained> {
  const { run, brokers, control } = options
  const { settings, log } = run
  const connections = {
    source: await brokers.open('source'),
    destination: await brokers.open('destination'),
  }
  const staging = await compareQueue(control, stagingSpec(settings))
  const source = { binding: undefined, mismatches: [], parksByItself: staging?.how === 'same' }
  const destination = await adoptDestination(connections.destination, settings)
  const metrics = createMetrics({}, () => running.status())
  const running = startRelay({
    settings,
    connect: brokers.connect,
    connections,
    topology: { source, destination },
    metrics,
    log,
  })
  try {
    await untilEmpty(options, running)
  } finally {
    await running.stop(settings.shutdownGraceMs)
  }
  await untilReleased(control, settings.stagingQueue)
  return { forwarded: await total(metrics.forwarded), parked: await total(metrics.parked) }
}

async function untilEmpty({ run, control, deadline }: DrainOptions, running: Running) {
  for (let empty = 0; empty < EMPTY_LOOKS; ) {
    await sleep(LOOK_MS)
    if (run.signal.aborted || remainingMs(deadline) <= 0) return
    const { inHand = 1 } = running.status().work ?? {}
    const state = await queueState(control, run.settings.stagingQueue)
    empty = inHand === 0 && (state === undefined || state.messages === 0) ? empty + 1 : 0
  }
}

/** Another consumer stays, of course; who called looks for itself. */
async function untilReleased(control: AmqpConnection, queue: string): Promise<void> {
  const untilMs = performance.now() + RELEASE_MS
  while (performance.now() < untilMs) {
    const state = await queueState(control, queue)
    if (state === undefined || state.consumers === 0) return
    await sleep(LOOK_MS)
  }
}

type Counter = Pick<ReturnType<typeof createMetrics>['forwarded'], 'get'>

async function total(counter: Counter): Promise<number> {
  return (await counter.get()).values.reduce((sum, { value }) => sum + value, 0)
}
