import { type Resource, type Resources, ref, type Value } from '../cloudformation.ts'
import { type Guard, guardOf } from './guards.ts'
import type { Installation } from './installation.ts'
import { copying } from './relay-ids.ts'
import { SIZES } from './sizes.ts'

/** The network's logical id. It is made only where {@link hasNetwork} says so. */
export const VPC = 'Vpc'

const ZONES = ['A', 'B', 'C'] as const
/** A network of a company that brings its own broker: tasks in two zones, and nothing that waits in it. */
const EXTERNAL_ZONES = 2

/** Addresses of the subnets, 4,091 in each; they can never change. Nothing else is in this network. */
const CIDR = '10.0.0.0/16'
const ISOLATED_CIDRS = ['10.0.0.0/20', '10.0.16.0/20', '10.0.32.0/20']
const PUBLIC_CIDRS = ['10.0.128.0/20', '10.0.144.0/20', '10.0.160.0/20']

/** Whether the stack has a network: for a broker of its own, or for relays that nobody else houses. */
export const hasNetwork = ({ broker, relays }: Installation): boolean =>
  broker.kind === 'amazonmq' || (broker.vpc === undefined && copying(relays).length > 0)

const zonesOf = ({ broker }: Installation): readonly string[] =>
  ZONES.slice(0, broker.kind === 'amazonmq' ? SIZES[broker.size].zones : EXTERNAL_ZONES)

/** Subnets with a way to the internet, for tasks. */
export const publicSubnets = (installation: Installation): readonly Value[] =>
  zonesOf(installation).map((zone) => ref(`PublicSubnet${zone}`))

/** Subnets from which nothing but the endpoints can be reached, for functions. */
export const isolatedSubnets = (installation: Installation): readonly Value[] =>
  zonesOf(installation).map((zone) => ref(`IsolatedSubnet${zone}`))

/** Those of the isolated subnets that the broker is in, and the endpoint beside it. */
export function brokerSubnets(installation: Installation): readonly Value[] {
  const { broker } = installation
  const count = broker.kind === 'amazonmq' ? SIZES[broker.size].brokerZones : 0
  return isolatedSubnets(installation).slice(0, count)
}

/** A VPC without NAT: what must reach the internet has an address there, the rest has no way to it. */
export function network(installation: Installation): Resources {
  if (!hasNetwork(installation)) return {}
  const zones = zonesOf(installation)
  const holdsBroker = installation.broker.kind === 'amazonmq'
  const guard = holdsBroker ? guardOf(installation) : {}
  const vpc = { CidrBlock: CIDR, EnableDnsHostnames: true, EnableDnsSupport: true }
  return {
    [VPC]: { Type: 'AWS::EC2::VPC', ...guard, Properties: vpc },
    ...publicPart(zones),
    ...(holdsBroker ? isolatedPart(zones, guard) : {}),
  }
}

const publicPart = (zones: readonly string[]): Resources => ({
  InternetGateway: { Type: 'AWS::EC2::InternetGateway' },
  InternetGatewayAttachment: {
    Type: 'AWS::EC2::VPCGatewayAttachment',
    Properties: { VpcId: ref(VPC), InternetGatewayId: ref('InternetGateway') },
  },
  PublicRoutes: routeTable,
  PublicRoute: {
    Type: 'AWS::EC2::Route',
    DependsOn: ['InternetGatewayAttachment'],
    Properties: {
      RouteTableId: ref('PublicRoutes'),
      DestinationCidrBlock: '0.0.0.0/0',
      GatewayId: ref('InternetGateway'),
    },
  },
  ...subnets('Public', zones, PUBLIC_CIDRS),
})

/** Retained with the broker, whose network interfaces are in it. */
const isolatedPart = (zones: readonly string[], guard: Guard): Resources => ({
  IsolatedRoutes: routeTable,
  ...subnets('Isolated', zones, ISOLATED_CIDRS, guard),
})

const routeTable: Resource = { Type: 'AWS::EC2::RouteTable', Properties: { VpcId: ref(VPC) } }

function subnets(
  kind: 'Public' | 'Isolated',
  zones: readonly string[],
  cidrs: readonly string[],
  guard: Guard = {},
): Resources {
  const entries = zones.flatMap((zone, index): [string, Resource][] => [
    [
      `${kind}Subnet${zone}`,
      {
        Type: 'AWS::EC2::Subnet',
        ...guard,
        Properties: {
          VpcId: ref(VPC),
          CidrBlock: cidrs[index] as string,
          AvailabilityZone: { 'Fn::Select': [index, { 'Fn::GetAZs': '' }] },
          // A task asks for its address itself; nothing else gets one.
          MapPublicIpOnLaunch: false,
        },
      },
    ],
    [
      `${kind}Subnet${zone}Routes`,
      {
        Type: 'AWS::EC2::SubnetRouteTableAssociation',
        Properties: {
          SubnetId: ref(`${kind}Subnet${zone}`),
          RouteTableId: ref(`${kind}Routes`),
        },
      },
    ],
  ])
  return Object.fromEntries(entries)
}
