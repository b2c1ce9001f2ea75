import { getAtt, type Resource, type Resources, ref } from '../cloudformation.ts'
import { guardOf } from './guards.ts'
import type { Installation } from './installation.ts'
import { hasNetwork, VPC } from './network.ts'

export const PUBLISHER_GROUP = 'PublisherSecurityGroup'
export const TOPOLOGY_GROUP = 'TopologySecurityGroup'
export const RELAY_GROUP = 'RelaySecurityGroup'
export const EDGE_GROUP = 'EdgeSecurityGroup'
export const VPC_LINK_GROUP = 'VpcLinkSecurityGroup'
export const BROKER_GROUP = 'BrokerSecurityGroup'
export const ENDPOINT_GROUP = 'EndpointSecurityGroup'

const PURPOSES: Readonly<Record<string, string>> = {
  [PUBLISHER_GROUP]: 'Functions that publish',
  [TOPOLOGY_GROUP]: 'Functions that set up the broker and rotate passwords',
  [RELAY_GROUP]: 'Relays',
  [EDGE_GROUP]: 'The edge',
  [VPC_LINK_GROUP]: 'API Gateway, on its way to the edge',
  [BROKER_GROUP]: 'The broker',
  [ENDPOINT_GROUP]: 'The endpoint of Secrets Manager',
}

/** Who may open a TCP connection to whom; there are no others. */
interface Edge {
  readonly from: string
  /** A group, or any address. */
  readonly to: string
  readonly port: number
}

/** Any address, where AWS has no group to name. */
const ANYWHERE = 'Anywhere'

const AMQPS = 5671
const HTTPS = 443
/** Where the edge's container listens. */
export const EDGE_PORT = 8080

function edgesOf(installation: Installation): readonly Edge[] {
  const { broker } = installation
  // A task's image, its log and what an edge passes on: services of AWS that have addresses only.
  const tasks = [
    { from: RELAY_GROUP, to: ANYWHERE, port: HTTPS },
    ...(installation.edge ? EDGE_EDGES : []),
  ]
  if (broker.kind === 'external') {
    return [...tasks, { from: RELAY_GROUP, to: ANYWHERE, port: broker.port }]
  }
  return [...tasks, ...BROKER_EDGES]
}

const EDGE_EDGES: readonly Edge[] = [
  { from: VPC_LINK_GROUP, to: EDGE_GROUP, port: EDGE_PORT },
  { from: EDGE_GROUP, to: ANYWHERE, port: HTTPS },
]

const BROKER_EDGES: readonly Edge[] = [
  { from: PUBLISHER_GROUP, to: BROKER_GROUP, port: AMQPS },
  { from: PUBLISHER_GROUP, to: ENDPOINT_GROUP, port: HTTPS },
  { from: RELAY_GROUP, to: BROKER_GROUP, port: AMQPS },
  { from: RELAY_GROUP, to: ENDPOINT_GROUP, port: HTTPS },
  { from: TOPOLOGY_GROUP, to: BROKER_GROUP, port: AMQPS },
  { from: TOPOLOGY_GROUP, to: BROKER_GROUP, port: HTTPS },
  { from: TOPOLOGY_GROUP, to: ENDPOINT_GROUP, port: HTTPS },
  // S3, where CloudFormation takes its answers: the only way out of their subnets, by the endpoint.
  { from: TOPOLOGY_GROUP, to: ANYWHERE, port: HTTPS },
]

/** A group for each part, and a rule on both sides for each connection. */
export function securityGroups(installation: Installation): Resources {
  if (!hasNetwork(installation)) return {}
  const edges = edgesOf(installation)
  const groups = [...new Set(edges.flatMap(({ from, to }) => [from, to]))].filter(
    (name) => name !== ANYWHERE,
  )
  return Object.fromEntries([
    ...groups.map((name): [string, Resource] => [name, group(name, installation)]),
    ...edges.flatMap(rules),
  ])
}

/** The rules by which this group reaches others; whoever uses one at once depends on them. */
export const waysFrom = (group: string, installation: Installation): readonly string[] =>
  edgesOf(installation)
    .filter(({ from }) => from === group)
    .flatMap((edge) => rules(edge).map(([id]) => id))

/** Without a rule of its own AWS lets a group reach everything: this one reaches nothing. */
const NOWHERE = { CidrIp: '255.255.255.255/32', IpProtocol: 'icmp', FromPort: 252, ToPort: 86 }

function group(name: string, installation: Installation): Resource {
  return {
    Type: 'AWS::EC2::SecurityGroup',
    ...(name === BROKER_GROUP ? guardOf(installation) : {}),
    Properties: {
      GroupDescription: `Warren: ${PURPOSES[name]}`,
      VpcId: ref(VPC),
      SecurityGroupEgress: [{ ...NOWHERE, Description: 'Nowhere but where a rule says so' }],
    },
  }
}

/** Rules are resources of their own: two groups that name each other could not be made. */
function rules({ from, to, port }: Edge): [string, Resource][] {
  const common = { IpProtocol: 'tcp', FromPort: port, ToPort: port }
  const name = `${shortName(from)}To${shortName(to)}${port}`
  const idOf = (group: string) => getAtt(group, 'GroupId')
  const target =
    to === ANYWHERE ? { CidrIp: '0.0.0.0/0' } : { DestinationSecurityGroupId: idOf(to) }
  const out: [string, Resource] = [
    `${name}Out`,
    {
      Type: 'AWS::EC2::SecurityGroupEgress',
      Properties: { GroupId: idOf(from), ...target, ...common },
    },
  ]
  if (to === ANYWHERE) return [out]
  const properties = { GroupId: idOf(to), SourceSecurityGroupId: idOf(from), ...common }
  return [out, [`${name}In`, { Type: 'AWS::EC2::SecurityGroupIngress', Properties: properties }]]
}

const shortName = (group: string) => group.replace('SecurityGroup', '')
