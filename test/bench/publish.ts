import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startBroker } from '../support/broker.ts'
import { type Observer, observe } from '../support/messages.ts'
import { havePython } from '../support/predecessor-packages.ts'
import { type Report, target } from '../support/report.ts'
import { cpuSeconds, machineCpuSeconds, residentMb } from './cpu.ts'
import { haveWrk, load } from './load.ts'
import { BATCHES, EXCHANGE, type Subject, startSubjects } from './publish-subjects.ts'
import { createRounds, type Figures, type Rounds } from './rounds.ts'

export interface PublishBenchOptions {
  /** @default 7 */
  readonly rounds?: number
  /** Of load per run. @default 3 */
  readonly seconds?: number
}

const QUEUE = 'bench.q'
const CONNECTIONS = [1, 16, 64]
const UNITS = {
  rate: 'msg/s',
  p50: 'ms',
  p99: 'ms',
  'server CPU': 's/100k',
  'broker CPU': 's/100k',
  'all CPU': 's/100k',
  resident: 'MB',
  others: 'cores',
}
/** About 1 KB of JSON, as an order or a reading would be. */
const MESSAGE = JSON.stringify({ hello: 'Gonzalo', n: 12345.678, text: 'x'.repeat(970) })

/** Publish by HTTP into a quorum queue, side by side, in interleaved rounds. */
export async function benchPublish({
  rounds = 7,
  seconds = 3,
}: PublishBenchOptions): Promise<Report> {
  await havePython()
  await haveWrk()
  const folder = await mkdtemp(join(tmpdir(), 'warren-bench-'))
  const broker = await startBroker({ plugins: ['rabbitmq_management'] })
  const subjects: Subject[] = []
  const observer = await observe(broker.amqpUrl)
  try {
    await observer.bind(EXCHANGE, QUEUE, { 'x-queue-type': 'quorum' })
    subjects.push(...(await startSubjects(broker, folder)))
    const results = createRounds()
    const run = { broker, observer, folder, seconds, results }
    // What Node has not compiled yet says nothing about the hours to come.
    for (const subject of subjects)
      await measure({ ...run, results: createRounds() }, subject, 64, 0)
    for (let round = 0; round < rounds; round += 1) {
      for (const connections of CONNECTIONS) {
        for (const subject of subjects) await measure(run, subject, connections, round)
      }
    }
    return reportOf(results)
  } finally {
    await observer.close()
    for (const subject of subjects) await subject.stop()
    await broker.dispose()
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

interface Run {
  readonly broker: Broker
  readonly observer: Observer
  readonly folder: string
  readonly seconds: number
  readonly results: Rounds
}

async function measure(run: Run, subject: Subject, connections: number, round: number) {
  const { broker, observer, folder, seconds } = run
  const { url, headers } = subject
  const body = subject.body(MESSAGE)
  await observer.channel.purgeQueue(QUEUE)
  const cpu = () => ({
    server: cpuSeconds(subject.pids),
    broker: cpuSeconds([broker.pid()]),
    own: cpuSeconds([process.pid]) - cpuSeconds([...subject.pids, broker.pid()]),
    machine: machineCpuSeconds(),
  })
  const before = cpu()
  const result = await load({ url, headers, body, connections, seconds, folder })
  const after = cpu()
  if (result.failed > 0) {
    throw new Error(`${subject.name} failed ${result.failed} of ${result.requests} requests`)
  }
  const messages = result.requests * subject.messages
  const per100k = (used: number) => (used / messages) * 100_000
  const [server, brokerCpu] = [after.server - before.server, after.broker - before.broker]
  const figures: Figures = {
    rate: result.perSecond * subject.messages,
    p50: result.p50Ms,
    p99: result.p99Ms,
    'server CPU': per100k(server),
    'broker CPU': per100k(brokerCpu),
    'all CPU': per100k(server + brokerCpu),
    resident: residentMb(subject.pids),
  }
  run.results.add(subject.name, `c=${connections}`, round, figures)
}

function reportOf(results: Rounds): Report {
  const ratio = (metric: string, to: string, setting: string) =>
    results.ratio(metric, 'gateway', to, setting)
  const predecessor = ratio('rate', 'predecessor', 'c=64')
  const management = ratio('rate', 'management API', 'c=64')
  const bare = ratio('rate', 'fastify', 'c=64')
  const cpu = ratio('all CPU', 'fastify', 'c=64')
  const p99 = ratio('p99', 'fastify', 'c=16')
  const batch = results.ratio('rate', BATCHES, 'predecessor', 'c=64')
  const rows = results.rows(UNITS)
  const resident = rows.find(
    (row) => row.subject === 'gateway' && row.setting === 'c=64' && row.metric === 'resident',
  )
  return {
    name: 'publish',
    rows,
    ratios: [predecessor, management, bare, cpu, p99, batch],
    targets: [
      target('rate to the predecessor', predecessor.median, 'least', 30, 40),
      target('rate to the management API', management.median, 'least', 7, 10),
      target('rate to the bare server', bare.median, 'least', 0.9, 1),
      target('CPU to the bare server', cpu.median, 'most', 1.15, 1),
      target('batches, messages/s to the predecessor', batch.median, 'least', 80, 110),
      target('p99 at c=16 to the bare server', p99.median, 'most', 2, 1.2),
      target('resident MB at c=64', resident?.max ?? Number.NaN, 'most', 150),
    ],
    notes: [],
  }
}
