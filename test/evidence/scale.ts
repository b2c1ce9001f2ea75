import type { Growth } from '../support/growth.ts'
import type { Report } from '../support/report.ts'
import { fillMarks, table } from './tables.ts'

/** Amazon MQ's instance types, with the most that a node of each may be configured to bear. */
const SIZES = [
  // Processors and memory: EC2's instance types m7g. Connections: Amazon MQ's guide, "resource hard limits".
  { type: 'mq.m7g.medium', cores: 1, memoryGib: 4, connections: 300 },
  { type: 'mq.m7g.large', cores: 2, memoryGib: 8, connections: 5000 },
  { type: 'mq.m7g.xlarge', cores: 4, memoryGib: 16, connections: 10_000 },
  { type: 'mq.m7g.2xlarge', cores: 8, memoryGib: 32, connections: 20_000 },
  { type: 'mq.m7g.4xlarge', cores: 16, memoryGib: 64, connections: 40_000 },
  { type: 'mq.m7g.8xlarge', cores: 32, memoryGib: 128, connections: 80_000 },
]
const RATES = [1000, 10_000, 100_000]
const LISTENERS = [0, 2, 10, 50]
/** A process or a queue that is busier than this has no room for a peak. */
const PROCESS_SHARE = 0.7
/** So busy may a broker be, which must bear the recovery after a fault, too. */
const BROKER_SHARE = 0.5
const PER = 100_000

/** What one of each costs, from the run. CPU in seconds for 100,000 messages of 1 KB. */
interface Costs {
  readonly gateway: number
  /** To publish over HTTP into one quorum queue. */
  readonly broker: number
  readonly relay: number
  readonly relayAtBroker: number
  readonly bindingAtBroker: number
  /** Messages a second through one relay, and into one queue by a binding. */
  readonly relayRate: number
  readonly bindingRate: number
  readonly relayMb: number
  readonly environmentMb: number
  /** Of a body of 1 MB more, in ms of CPU. */
  readonly gatewayMsPerMb: number
  readonly brokerMsPerMb: number
}

/** Puts the tables of the run into the page. */
export function fillScale(page: string, report: Report): string {
  const costs = costsOf(report)
  return fillMarks(page, {
    costs: costsTable(costs),
    rates: ratesTable(costs),
    'amazon-mq': amazonMqTable(costs),
  })
}

function costsOf({ rows, growths = [] }: Report): Costs {
  const slope = (subject: string, over: string, metric: string) =>
    (
      growths.find(
        (growth) => growth.subject === subject && growth.over === over && growth.metric === metric,
      ) as Growth
    ).b
  const figure = (subject: string, setting: string, metric: string) =>
    rows.find((row) => row.subject === subject && row.setting === setting && row.metric === metric)
      ?.median ?? Number.NaN
  const msPerMb = (metric: string) => (slope('gateway', 'bytes', metric) / PER) * 1e6 * 1000
  return {
    gateway: figure('gateway', 'connections=64', 'gateway CPU'),
    broker: figure('gateway', 'connections=64', 'broker CPU'),
    relay: slope('relays', 'listeners', 'relay CPU'),
    relayAtBroker: slope('relays', 'listeners', 'broker CPU'),
    bindingAtBroker: slope('bindings', 'listeners', 'broker CPU'),
    relayRate: 1000 / figure('relays', 'listeners=1', 'time'),
    bindingRate: 1000 / figure('bindings', 'listeners=1', 'time'),
    relayMb: slope('relays', 'listeners', 'resident'),
    environmentMb: slope('environments', 'environments', 'broker memory'),
    gatewayMsPerMb: msPerMb('gateway CPU'),
    brokerMsPerMb: msPerMb('broker CPU'),
  }
}

const costsTable = (costs: Costs) =>
  table(
    ['what', 'its own CPU, s', 'the broker’s CPU, s', 'memory, MB'],
    [
      ['to publish over HTTP, 64 callers', round(costs.gateway), round(costs.broker), ''],
      ['a relay', round(costs.relay), round(costs.relayAtBroker), round(costs.relayMb)],
      ['a binding (`mode: bind`)', '', round(costs.bindingAtBroker), ''],
      ['an environment of Lambda, idle', '', '', `${round(costs.environmentMb)}, the broker’s`],
      [
        '1 MB more in each body',
        round(costs.gatewayMsPerMb * (PER / 1000)),
        round(costs.brokerMsPerMb * (PER / 1000)),
        '',
      ],
    ],
  )

function ratesTable(costs: Costs): string {
  const cores = (rate: number, cpu: number) => (rate * cpu) / PER
  const lines: readonly (readonly [string, (rate: number) => number])[] = [
    ['gateways (processes)', (rate) => up(cores(rate, costs.gateway) / PROCESS_SHARE)],
    ['cores of the broker, to publish', (rate) => cores(rate, costs.broker)],
    ['and for each relay', (rate) => cores(rate, costs.relayAtBroker)],
    ['or for each binding', (rate) => cores(rate, costs.bindingAtBroker)],
    ['cores of each relay', (rate) => cores(rate, costs.relay)],
    ['exchanges to share it, with relays', (rate) => up(rate / costs.relayRate / PROCESS_SHARE)],
    [
      'exchanges to share it, with bindings',
      (rate) => up(rate / costs.bindingRate / PROCESS_SHARE),
    ],
  ]
  return table(
    ['messages/s', ...RATES.map(thousands)],
    lines.map(([what, of]) => [what, ...RATES.map((rate) => round(of(rate)))]),
  )
}

function amazonMqTable(costs: Costs): string {
  const rate = (cores: number, cpu: number) => thousands((BROKER_SHARE * cores * PER) / cpu)
  return table(
    [
      ...['instance type', 'processors', 'memory, GiB', 'connections', 'environments'],
      ...LISTENERS.map((listeners) => `${listeners} relays`),
      '10 bindings',
    ],
    SIZES.map(({ type, cores, memoryGib, connections }) => [
      ...[type, String(cores), String(memoryGib), thousands(connections)],
      thousands(Math.floor(connections / 2)),
      ...LISTENERS.map((n) => rate(cores, costs.broker + n * costs.relayAtBroker)),
      rate(cores, costs.broker + 10 * costs.bindingAtBroker),
    ]),
  )
}

/** A share of a whole process is a process; what is measured is not so exact. */
const up = (value: number) => Math.max(1, Math.ceil(value - 0.05))

const round = (value: number): string => thousands(Number(value.toPrecision(2)))

const thousands = (value: number): string =>
  (value >= 100 ? Number(value.toPrecision(2)) : Number(value.toPrecision(3))).toLocaleString('en')
