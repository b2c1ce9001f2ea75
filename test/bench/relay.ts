import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startBroker } from '../support/broker.ts'
import { observe } from '../support/messages.ts'
import { havePython } from '../support/predecessor-packages.ts'
import { type Report, target } from '../support/report.ts'
import { until } from '../support/until.ts'
import { cpuSeconds, residentMb } from './cpu.ts'
import { preload } from './preload.ts'
import {
  DESTINATION,
  type Mover,
  type MoverBench,
  measurePatience,
  movers,
  PREFETCH,
  SOURCE,
} from './relay-subjects.ts'
import { createRounds, type Figures, type Rounds } from './rounds.ts'

export interface RelayBenchOptions {
  /** @default 3 */
  readonly rounds?: number
  /** Messages per run. @default 200000 */
  readonly messages?: number
}

const TYPES = ['classic', 'quorum']
const UNITS = {
  rate: 'msg/s',
  'relay CPU': 's/100k',
  'broker CPU': 's/100k',
  'all CPU': 's/100k',
  resident: 'MB',
  start: 's',
  drain: 's',
}
/** The setting in which a relay's start and end are measured. */
const PATIENCE = 'start and end'
/** More than it copies until it has been told to end. */
const PATIENCE_MESSAGES = 20_000
/** Without a new message for this long, what is missing is lost. */
const STALLED_MS = 30_000
const POLL_MS = 25

/** Moving preloaded messages from an exchange's queue to another one, side by side, interleaved. */
export async function benchRelay(options: RelayBenchOptions): Promise<Report> {
  const { rounds = 3, messages = 200_000 } = options
  await havePython()
  const folder = await mkdtemp(join(tmpdir(), 'warren-bench-'))
  const broker = await startBroker({ plugins: ['rabbitmq_shovel'] })
  const observer = await observe(broker.amqpUrl)
  const bench = { broker, observer, folder }
  const results = createRounds()
  try {
    await observer.channel.assertExchange(SOURCE, 'fanout', { durable: true })
    for (let round = 0; round < rounds; round += 1) {
      for (const type of TYPES) {
        for (const mover of movers()) {
          results.add(mover.name, type, round, await measure(bench, mover, type, messages))
        }
      }
    }
    for (let round = 0; round < rounds; round += 1) {
      results.add('relay', PATIENCE, round, { ...(await patience(bench)) })
    }
    return reportOf(results)
  } finally {
    await observer.close()
    await broker.dispose()
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function measure(bench: MoverBench, mover: Mover, type: string, messages: number) {
  const { broker, observer } = bench
  const { channel } = observer
  await channel.assertQueue(DESTINATION, { arguments: { 'x-queue-type': type } })
  try {
    await mover.prepare(bench)
    if (!mover.isDirect) await preload(broker.amqpUrl, SOURCE, messages)
    const brokerBefore = cpuSeconds([broker.pid()])
    const pids = await mover.start(bench)
    const ownBefore = cpuSeconds(pids)
    const loading = mover.isDirect ? preload(broker.amqpUrl, SOURCE, messages) : undefined
    const [ms] = await Promise.all([arrival(bench, messages), loading])
    const per100k = (used: number) => (used / messages) * 100_000
    const own = per100k(cpuSeconds(pids) - ownBefore)
    const brokerCpu = per100k(cpuSeconds([broker.pid()]) - brokerBefore)
    const figures: Figures = {
      rate: messages / (ms / 1000),
      'relay CPU': own,
      'broker CPU': brokerCpu,
      'all CPU': own + brokerCpu,
      resident: residentMb(pids),
    }
    return figures
  } finally {
    await mover.stop(bench)
    await channel.deleteQueue(DESTINATION)
  }
}

async function patience(bench: MoverBench) {
  const { channel, depth } = bench.observer
  await channel.assertQueue(DESTINATION)
  const untilCopied = async (count: number) => {
    await until(`${count} copies`, async () => (await depth(DESTINATION)) >= count, STALLED_MS)
    return performance.now()
  }
  try {
    return await measurePatience(bench, PATIENCE_MESSAGES, untilCopied)
  } finally {
    await channel.deleteQueue(DESTINATION)
  }
}

/** Milliseconds between the first and the last message in the destination. */
async function arrival({ observer }: MoverBench, messages: number): Promise<number> {
  let first: number | undefined
  let last = performance.now()
  let seen = 0
  for (;;) {
    const depth = await observer.depth(DESTINATION)
    const now = performance.now()
    if (depth > 0) first ??= now
    if (depth > seen) last = now
    seen = depth
    if (first !== undefined && depth >= messages) return now - first
    if (now - last > STALLED_MS) throw new Error(`${messages - depth} messages did not arrive`)
    await sleep(POLL_MS)
  }
}

function reportOf(results: Rounds): Report {
  const ratio = (metric: string, to: string, type: string) =>
    results.ratio(metric, 'relay', to, type)
  const classic = ratio('rate', 'shovel', 'classic')
  const quorum = ratio('rate', 'shovel', 'quorum')
  const cpu = ratio('all CPU', 'shovel', 'classic')
  const own = ratio('relay CPU', 'predecessor', 'classic')
  const rows = results.rows(UNITS)
  const ours = (metric: string, setting = 'classic') =>
    rows.find((row) => row.subject === 'relay' && row.setting === setting && row.metric === metric)
  const seconds = (metric: string) => ours(metric, PATIENCE)?.median ?? Number.NaN
  return {
    name: 'relay',
    rows,
    ratios: [classic, quorum, cpu, own],
    targets: [
      target('rate to the shovel, classic', classic.median, 'least', 0.95, 1),
      target('rate to the shovel, quorum', quorum.median, 'least', 0.75, 1),
      target('CPU with broker to the shovel, classic', cpu.median, 'most', 1.2, 1),
      target('relay CPU s/100k', ours('relay CPU')?.median ?? Number.NaN, 'most', 1.2, 0.8),
      target('relay CPU to the predecessor', own.median, 'most', 0.25),
      target('resident MB', ours('resident')?.max ?? Number.NaN, 'most', 120),
      target('start to the first copy, s', seconds('start'), 'most', 1.5, 1),
      target(`SIGTERM to the end, ${PREFETCH} in flight, s`, seconds('drain'), 'most', 1.5, 1),
    ],
    notes: [],
  }
}
