import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '#infra/local/ports.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { observe } from '../support/messages.ts'
import { median, type Report, type Row, target } from '../support/report.ts'
import { imageArguments } from './image-arguments.ts'
import { startServerProcess } from './server-process.ts'
import { growthPerHour, openResources, plateau, type Sample, samplesOf } from './soak-samples.ts'
import { type Answers, createTraffic } from './soak-traffic.ts'

export interface SoakOptions {
  /** @default 120 */
  readonly minutes?: number
  /** Requests a second. @default 120 */
  readonly rate?: number
  /** Where the samples are kept, one JSON object a line. @default a folder that goes with the run */
  readonly out?: string
}

const TOKEN = 'a-token-of-the-benchmark-0123456789abcdef'
/** Of the queue: what nobody takes goes, oldest first. */
const QUEUE = { 'x-max-length-bytes': 64_000_000 }
const SAMPLE_S = 30
/** Every tenth sample follows a garbage collection: one in five minutes. */
const COLLECT = 10
/** Until then caches fill, code is compiled, and the allocator's arenas meet their largest bodies. */
const WARM_SHARE = 1 / 4

/** Whether the gateway's memory grows in hours of mixed traffic. */
export async function benchSoak({ minutes = 120, rate = 120, out }: SoakOptions): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'warren-bench-'))
  const file = out ?? join(folder, 'soak.jsonl')
  const sampleS = Math.min(SAMPLE_S, minutes)
  await using broker = await startBroker()
  const observer = await observe(broker.amqpUrl)
  try {
    await observer.bind('soak', 'soak.q', QUEUE)
    const gateway = await startGateway(broker, folder, { file, sampleS })
    const traffic = createTraffic({ origin: gateway.origin, token: TOKEN, rate, seed: 1 })
    await traffic.run(Date.now() + minutes * 60_000).finally(gateway.stop)
    return reportOf(samplesOf(file), traffic.answers)
  } finally {
    await observer.close()
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function startGateway(
  broker: Broker,
  folder: string,
  { file, sampleS }: { file: string; sampleS: number },
) {
  const [port, adminPort] = (await freePorts(2)) as [number, number]
  const probe = join(import.meta.dirname, 'soak-probe.cjs')
  const { stop } = await startServerProcess({
    name: 'gateway',
    args: ['--expose-gc', '--require', probe, ...imageArguments('gateway', folder)],
    env: {
      AMQP_URL: broker.amqpUrl,
      API_TOKEN: TOKEN,
      PORT: String(port),
      ADMIN_PORT: String(adminPort),
      SOAK_FILE: file,
      SOAK_SAMPLE_S: String(sampleS),
      SOAK_COLLECT: String(COLLECT),
    },
    port,
    folder,
  })
  return { origin: `http://127.0.0.1:${port}`, stop }
}

const MB = 1e6

function rowsOf(samples: readonly Sample[]): Row[] {
  const row = (metric: string, of: (sample: Sample) => number, from: readonly Sample[]): Row => {
    const values = from.map(of)
    const [min, max] = [Math.min(...values), Math.max(...values)]
    const common = { subject: 'gateway', setting: `${from.length} samples`, unit: 'MB' }
    return { ...common, metric, median: median(values), min, max }
  }
  const collected = samples.filter((sample) => sample.collected)
  return [
    row('resident', ({ rss }) => rss / MB, samples),
    row('heap', ({ heapUsed }) => heapUsed / MB, samples),
    row('heap, collected', ({ heapUsed }) => heapUsed / MB, collected),
    row('external, collected', ({ external }) => external / MB, collected),
    { ...row('open', openResources, samples), unit: 'resources' },
  ]
}

function reportOf(samples: readonly Sample[], answers: Answers): Report {
  const end = samples.at(-1)?.second ?? 0
  const warm = samples.filter(({ second }) => second > end * WARM_SHARE)
  const collected = warm.filter((sample) => sample.collected)
  const heap = growthPerHour(collected, ({ heapUsed }) => heapUsed)
  const open = warm.map(openResources)
  const half = Math.floor(open.length / 2)
  return {
    name: 'soak',
    rows: rowsOf(warm),
    ratios: [],
    targets: [
      target('growth of the collected heap, MB an hour', heap, 'most', 1),
      target('resident, last third to the third before', plateau(warm), 'most', 1.1, 1.05),
      target('resident at most, MB', Math.max(...samples.map(({ rss }) => rss)) / MB, 'most', 500),
      target(
        'open resources, second half to the first',
        median(open.slice(half)) / median(open.slice(0, half)),
        'most',
        1.2,
      ),
    ],
    notes: [`answers: ${JSON.stringify(answers)}`],
  }
}
