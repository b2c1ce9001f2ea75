import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'amqplib'
import type { Ending } from '../support/ending.ts'
import { seeded } from '../support/seeded.ts'
import { until } from '../support/until.ts'
import { startCallers } from './callers.ts'
import { startConsumers } from './consumers.ts'
import { NothingHappened, NotRepaired, type PlannedFault, plan } from './fault.ts'
import { faultsFor } from './faults/all.ts'
import { type Account, Ledger } from './ledger.ts'
import { Pace } from './pace.ts'
import type { Nodes, Subject, World } from './world.ts'

export interface RunOptions {
  readonly ids: number
  readonly faults: number
  readonly seed: number
  /** Only faults whose names match. */
  readonly only: RegExp
  readonly nodes: Nodes
  readonly subject: Subject
  /** Told each step, for a person who watches. */
  readonly say: (line: string) => void
}

/** What a run has found. */
export interface Outcome {
  readonly account: Account
  /** For an answer. */
  readonly longestWaitS: number
  readonly seconds: number
  /** One line for each fault: when, what, what shows it, and what callers were told meanwhile. */
  readonly faults: readonly string[]
  /** What did not come back by itself, if anything. */
  readonly stuck: string | undefined
}

/** Enough to fill a queue faster than one relay empties it. */
const CALLERS = 64
/** A part of the ids of each fault comes before it: whatever the last one left must be over. */
const CALM = 0.25
/** Those after this part are kept for the time when the fault is over, to see that it is. */
const SPENT = 0.85
/** Added to a fault's own time: what it has broken takes a while to work again. */
const PATIENCE_S = 4
const RESERVE_LASTS_S = 30
const OVER_WITHIN_MS = 300_000
/** The longest that anything of ours waits before it tries again is far below. */
const RECOVERED_WITHIN_MS = 90_000
const SETTLED_WITHIN_MS = 180_000
/** What a relay had in hand when its connection died is delivered again before this is over. */
const SILENCE_MS = 5000
const LOST_AFTER_MS = 30_000

/** Publishes all ids while one fault comes after the other; then waits for everything that is owed. */
export async function run(ends: Ending, options: RunOptions): Promise<Outcome> {
  const { ids, nodes, subject, say } = options
  const { lanes, port, token, read } = subject
  const ledger = new Ledger(ids)
  const pace = new Pace(ids)
  ends.after(() => pace.stop())
  const { url } = await nodes.link('own')
  const consumers = startConsumers(url, subject, ledger)
  ends.after(consumers.pause)
  const exchangeOf = (id: number) => (lanes[id % lanes.length] as (typeof lanes)[number]).exchange
  const startMs = performance.now()
  const callers = startCallers({ port, token, count: CALLERS, exchangeOf, read, pace, ledger })
  const world: World = { nodes, subject, pace, ledger, callers, consumers, url }
  const faults: string[] = []
  let stuck = await runFaults(world, options, (line) => {
    faults.push(line)
    say(line)
  }).then(() => undefined, notRepaired)
  await pace.run(ids)
  await callers.ended
  say(`all are answered after ${secondsSince(startMs).toFixed(1)} s`)
  stuck ??= await settled(world, consumers.lastMs)
  const seconds = secondsSince(startMs)
  return { account: ledger.account(), longestWaitS: callers.longestWaitS(), seconds, faults, stuck }
}

function notRepaired(error: unknown): string {
  if (error instanceof NotRepaired) return error.message
  throw error
}

const secondsSince = (ms: number) => (performance.now() - ms) / 1000

/** @throws {NotRepaired | NothingHappened} */
async function runFaults(
  world: World,
  { ids, faults: count, seed, only }: RunOptions,
  note: (line: string) => void,
): Promise<void> {
  const kinds = faultsFor(world).filter(({ name }) => only.test(name))
  if (kinds.length === 0) throw new Error(`no fault's name matches ${only}`)
  const startMs = performance.now()
  const share = ids / count
  for (const [index, one] of plan(kinds, count, seeded(seed)).entries()) {
    await world.pace.run(Math.round((index + CALM) * share))
    const at = secondsSince(startMs)
    const end = Math.round((index + 1) * share)
    const shown = await happen(world, one, { spent: Math.round((index + SPENT) * share), end })
    const took = (secondsSince(startMs) - at).toFixed(1)
    note(`${at.toFixed(1)} s, ${one.fault.name} (${index + 1} of ${count}, ${took} s): ${shown}`)
    await world.pace.run(end)
  }
}

/** @returns what shows that it did something, and what callers were told until it was over */
async function happen(
  world: World,
  { fault, ...draw }: PlannedFault,
  { spent, end }: { readonly spent: number; readonly end: number },
): Promise<string> {
  const { pace, callers } = world
  callers.takeLabels()
  pace.trickle(spent, draw.seconds + (fault.takesS ?? PATIENCE_S))
  const over = fault.happen(world, draw)
  const shown = await Promise.race([over, tooLong()]).catch((error: Error) => {
    if (error instanceof NotRepaired) throw new NotRepaired(`${fault.name}: ${error.message}`)
    throw new NothingHappened(`${fault.name}: ${error.message}`, { cause: error })
  })
  pace.trickle(end, RESERVE_LASTS_S)
  const stuck = await recovered(world)
  if (stuck !== undefined) throw new NotRepaired(`${fault.name}: ${stuck}`)
  return `${shown}; ${show(callers.takeLabels())}`
}

async function tooLong(): Promise<never> {
  await sleep(OVER_WITHIN_MS, undefined, { ref: false })
  throw new Error(`not over after ${OVER_WITHIN_MS / 1000} s`)
}

const show = (labels: ReadonlyMap<string, number>) =>
  labels.size === 0
    ? 'no answer'
    : [...labels].map(([label, times]) => `${label} x${times}`).join(', ')

/** Waits until something that was begun from now on is acknowledged in each lane. */
async function recovered({ subject, callers }: World): Promise<string | undefined> {
  const sinceMs = performance.now()
  const silent = () => subject.lanes.filter((lane) => callers.lastAckedMs(lane.exchange) < sinceMs)
  try {
    await until('an acknowledgement', () => silent().length === 0, RECOVERED_WITHIN_MS)
    return undefined
  } catch {
    const names = silent().map(({ exchange }) => exchange)
    return `nothing was acknowledged in ${names.join(' and ')} for ${RECOVERED_WITHIN_MS / 1000} s`
  }
}

/** What comes late still counts: waits until all that is owed is there, and then for silence. */
async function settled(
  { url, subject, ledger }: World,
  lastMs: () => number,
): Promise<string | undefined> {
  const isOver = async () => {
    const silentMs = performance.now() - lastMs()
    if (silentMs < (ledger.owed() === 0 ? SILENCE_MS : LOST_AFTER_MS)) return false
    return (await waiting(url, subject)) === 0
  }
  try {
    await until('silence', isOver, SETTLED_WITHIN_MS)
    return undefined
  } catch {
    return `messages were still in the queues after ${SETTLED_WITHIN_MS / 1000} s`
  }
}

/** Messages that are ready in the lanes' queues. */
async function waiting(url: string, { lanes }: Subject): Promise<number> {
  const connection = await connect(url)
  const channel = await connection.createChannel()
  const names = [...new Set(lanes.flatMap(({ entry, queue }) => [entry, queue]))]
  const counts = await Promise.all(names.map((name) => channel.checkQueue(name)))
  await connection.close()
  return counts.reduce((sum, { messageCount }) => sum + messageCount, 0)
}
