import { EMF_NAMESPACE } from '#lib/emf.ts'
import { join, type Resources, ref } from '../cloudformation.ts'
import { REST_STAGE } from '../stage.ts'
import { hasEdge } from './cluster.ts'
import { EDGE_API } from './edge-api.ts'
import type { Installation } from './installation.ts'

/** A page of 24 columns; a widget takes half of one. */
const WIDTH = 12
const HEIGHT = 6
const PERIOD_S = 60

/** A metric as a dashboard names it: namespace, name, dimensions by name and value, options. */
type Line = readonly (string | object)[]

interface Graph {
  readonly title: string
  readonly lines: readonly Line[]
}

/** What CloudFormation's `Fn::Sub` puts in the place of this. */
const placeholder = (name: string) => `\${${name}}`
const STACK = placeholder('AWS::StackName')
const REGION = placeholder('AWS::Region')

const api = (name: string, options: object): Line => [
  ...['AWS/ApiGateway', name, 'ApiName', STACK, 'Stage', placeholder(REST_STAGE)],
  options,
]
const lambda = (name: string, functionName: string, options: object): Line => [
  ...['AWS/Lambda', name, 'FunctionName', `${STACK}-${functionName}`],
  options,
]
const own = (name: string, options: object): Line => [
  ...[EMF_NAMESPACE, name, 'Stack', STACK],
  options,
]
const broker = (name: string, options: object): Line => [
  ...['AWS/AmazonMQ', name, 'Broker', STACK],
  options,
]
/** Whatever relays there are: one more changes nothing here. */
const search = (dimension: string, metric: string, statistic: string): Line => [
  {
    expression: `SEARCH('{${EMF_NAMESPACE},Stack,${dimension}} Stack="${STACK}" MetricName="${metric}"', '${statistic}')`,
  },
]

const GRAPHS: readonly Graph[] = [
  {
    title: 'Requests',
    lines: [
      api('Count', { stat: 'Sum' }),
      api('4XXError', { stat: 'Sum' }),
      api('5XXError', { stat: 'Sum' }),
    ],
  },
  {
    title: 'Answers after, ms',
    lines: ['p50', 'p99'].map((stat) => api('Latency', { stat, label: stat })),
  },
  { title: 'Requests by outcome', lines: [search('Outcome', 'Requests', 'Sum')] },
  {
    title: 'Confirms of the broker after, ms',
    lines: ['p50', 'p99'].map((stat) => own('ConfirmMs', { stat, label: stat })),
  },
  {
    title: 'Execution environments at work',
    lines: ['publish', 'batch'].map((name) =>
      lambda('ConcurrentExecutions', name, { stat: 'Maximum', label: name }),
    ),
  },
  { title: 'Messages waiting for relays', lines: [search('Staging', 'Backlog', 'Maximum')] },
  { title: 'Messages parked', lines: [search('Staging', 'Parked', 'Maximum')] },
  { title: 'Messages copied', lines: [search('Staging', 'Forwarded', 'Sum')] },
]

const EDGE_GRAPH: Graph = {
  title: 'The edge',
  lines: ['Count', '4xx', '5xx'].map((name) => [
    ...['AWS/ApiGateway', name, 'ApiId', placeholder(EDGE_API)],
    { stat: 'Sum' },
  ]),
}

const BROKER_GRAPHS: readonly Graph[] = [
  {
    title: 'Broker: connections',
    lines: [broker('ConnectionCount', { stat: 'Maximum' })],
  },
  {
    title: 'Broker: messages',
    lines: [
      broker('MessageReadyCount', { stat: 'Maximum' }),
      broker('MessageUnacknowledgedCount', { stat: 'Maximum' }),
    ],
  },
  {
    title: 'Broker: memory, bytes',
    lines: [
      broker('RabbitMQMemUsed', { stat: 'Maximum' }),
      broker('RabbitMQMemLimit', { stat: 'Minimum' }),
    ],
  },
  {
    title: 'Broker: free disk, bytes',
    lines: [
      broker('RabbitMQDiskFree', { stat: 'Minimum' }),
      broker('RabbitMQDiskFreeLimit', { stat: 'Maximum' }),
    ],
  },
]

/** One page, named like the stack. */
export function dashboard(installation: Installation): Resources {
  const graphs = [
    ...GRAPHS,
    ...(hasEdge(installation) ? [EDGE_GRAPH] : []),
    ...(installation.broker.kind === 'amazonmq' ? BROKER_GRAPHS : []),
  ]
  return {
    Dashboard: {
      Type: 'AWS::CloudWatch::Dashboard',
      Properties: {
        // Dashboards belong to the account, stacks to a region of it.
        DashboardName: join(ref('AWS::StackName'), '-', ref('AWS::Region')),
        DashboardBody: { 'Fn::Sub': JSON.stringify({ widgets: graphs.map(widget) }) },
      },
    },
  }
}

const widget = ({ title, lines }: Graph, index: number) => ({
  type: 'metric',
  x: (index % 2) * WIDTH,
  y: Math.floor(index / 2) * HEIGHT,
  width: WIDTH,
  height: HEIGHT,
  properties: { title, metrics: lines, period: PERIOD_S, region: REGION, view: 'timeSeries' },
})
