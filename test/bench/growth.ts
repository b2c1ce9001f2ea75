import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Growth, growthOf, type Law } from '../support/growth.ts'
import { type Report, target } from '../support/report.ts'
import { growEnvironments } from './growth-environments.ts'
import { growHttp } from './growth-http.ts'
import { growRelays } from './growth-relays.ts'
import { createRounds, type Rounds } from './rounds.ts'

export interface GrowthBenchOptions {
  /** How often each point is measured. @default 2 */
  readonly rounds?: number
  /** Of load at each point of the curves over HTTP. @default 2 */
  readonly seconds?: number
  /** For each point of the curves of relays and environments. @default 2000 */
  readonly messages?: number
  /** How many points each curve has, counted from the least; at least 2. @default all of them */
  readonly points?: number
}

/** What a curve needs to be measured. */
export interface GrowthRun {
  readonly rounds: number
  readonly seconds: number
  readonly messages: number
  /** For logs. */
  readonly folder: string
  readonly results: Rounds
  /** The numbers of a curve that are to be measured. */
  take(numbers: readonly number[]): readonly number[]
}

const UNITS = {
  rate: 'msg/s',
  time: 'ms/message',
  p99: 'ms',
  'gateway CPU': 's/100k',
  'relay CPU': 's/100k',
  'broker CPU': 's/100k',
  'idle CPU': 'cores',
  resident: 'MB',
  'broker memory': 'MB',
  connections: '',
  channels: '',
  'first message': 'ms',
}

/** Subject, number, figure and law of each curve. What is spent on each message or thing adds up. */
const CURVES: readonly (readonly [string, string, string, Law])[] = [
  ['gateway', 'connections', 'rate', 'power'],
  ['gateway', 'connections', 'p99', 'power'],
  ['gateway', 'connections', 'gateway CPU', 'power'],
  ['gateway', 'bytes', 'time', 'line'],
  ['gateway', 'bytes', 'gateway CPU', 'line'],
  ['gateway', 'bytes', 'broker CPU', 'line'],
  ['gateway', 'bytes', 'resident', 'line'],
  ['relays', 'listeners', 'time', 'line'],
  ['bindings', 'listeners', 'time', 'line'],
  ['relays', 'listeners', 'broker CPU', 'line'],
  ['bindings', 'listeners', 'broker CPU', 'line'],
  ['relays', 'listeners', 'relay CPU', 'line'],
  ['relays', 'listeners', 'resident', 'line'],
  ['environments', 'environments', 'connections', 'line'],
  ['environments', 'environments', 'channels', 'line'],
  ['environments', 'environments', 'broker memory', 'line'],
  ['environments', 'environments', 'idle CPU', 'line'],
  ['environments', 'environments', 'rate', 'power'],
]

/** What connections, bodies, listeners and environments of Lambda cost as their number grows. */
export async function benchGrowth(options: GrowthBenchOptions): Promise<Report> {
  const { rounds = 2, seconds = 2, messages = 2000, points = Number.POSITIVE_INFINITY } = options
  if (points < 2) throw new Error('a curve has at least 2 points')
  const folder = await mkdtemp(join(tmpdir(), 'warren-bench-'))
  const results = createRounds()
  const take = (numbers: readonly number[]) => numbers.slice(0, points)
  const run: GrowthRun = { rounds, seconds, messages, folder, results, take }
  try {
    for (const grow of [growHttp, growRelays, growEnvironments]) await grow(run)
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  return reportOf(results)
}

function reportOf(results: Rounds): Report {
  const rows = results.rows(UNITS)
  const growths = CURVES.map((curve) => growthOf(rows, curve))
  const of = (subject: string, over: string, metric: string) =>
    growths.find(
      (growth) => growth.subject === subject && growth.over === over && growth.metric === metric,
    ) as Growth
  const most = ({ points }: Growth) => Math.max(...points.map(({ x, y }) => y / x))
  const connections = most(of('environments', 'environments', 'connections'))
  const channels = most(of('environments', 'environments', 'channels'))
  const memory = of('environments', 'environments', 'broker memory').b
  return {
    name: 'growth',
    rows,
    ratios: [],
    targets: [
      target('rate over connections, exponent', of('gateway', 'connections', 'rate').b, 'least', 0),
      target('connections of an environment', connections, 'most', 1),
      // Amazon MQ takes 900 channels and 300 connections on its smallest broker.
      target('channels of an environment', channels, 'most', 3),
      target('broker memory of an environment, MB', memory, 'most', 0.5),
    ],
    notes: [],
    growths,
  }
}
