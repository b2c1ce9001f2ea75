import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Env } from '#lib/config.ts'
import {
  EXTERNAL,
  EXTERNAL_IN_VPC,
  listener,
  ofType,
  type Properties,
  resourcesOf,
} from '../support/installation.ts'

const idOf = (value: unknown): string =>
  (value as { 'Fn::GetAtt'?: [string, string] } | undefined)?.['Fn::GetAtt']?.[0] ?? 'nobody'

const portsOf = ({ FromPort, ToPort, IpProtocol }: Properties) => {
  assert.equal(FromPort, ToPort)
  return `${IpProtocol} ${FromPort}`
}

/** Every rule as `who > whom: port`, once for the way out and once for the way in. */
function edgesOf(parameters: Env) {
  const resources = resourcesOf(parameters)
  const out = Object.values(ofType(resources, 'AWS::EC2::SecurityGroupEgress')).map((rule) => {
    const { GroupId, DestinationSecurityGroupId: group, CidrIp } = rule
    return `${idOf(GroupId)} > ${group ? idOf(group) : CidrIp}: ${portsOf(rule)}`
  })
  const into = Object.values(ofType(resources, 'AWS::EC2::SecurityGroupIngress')).map(
    (rule) => `${idOf(rule['SourceSecurityGroupId'])} > ${idOf(rule['GroupId'])}: ${portsOf(rule)}`,
  )
  return { out: out.toSorted(), into: into.toSorted() }
}

/** Whoever may open a connection to another group, and to which port. There is nothing else. */
const BETWEEN = [
  'PublisherSecurityGroup > BrokerSecurityGroup: tcp 5671',
  'PublisherSecurityGroup > EndpointSecurityGroup: tcp 443',
  'RelaySecurityGroup > BrokerSecurityGroup: tcp 5671',
  'RelaySecurityGroup > EndpointSecurityGroup: tcp 443',
  'TopologySecurityGroup > BrokerSecurityGroup: tcp 443',
  'TopologySecurityGroup > BrokerSecurityGroup: tcp 5671',
  'TopologySecurityGroup > EndpointSecurityGroup: tcp 443',
  'VpcLinkSecurityGroup > EdgeSecurityGroup: tcp 8080',
]
/** Services of AWS that have addresses and no group: logs and images of tasks, the API, S3. */
const OUT_OF_IT = [
  'EdgeSecurityGroup > 0.0.0.0/0: tcp 443',
  'RelaySecurityGroup > 0.0.0.0/0: tcp 443',
  'TopologySecurityGroup > 0.0.0.0/0: tcp 443',
]

for (const size of ['small', 'ha']) {
  test(`every connection that the security groups allow is one of these (${size})`, () => {
    const { out, into } = edgesOf({ size })
    assert.deepEqual(into, BETWEEN)
    assert.deepEqual(out, [...BETWEEN, ...OUT_OF_IT].toSorted())
  })
}

test('without the edge there is nothing that only the edge needs', () => {
  const { out, into } = edgesOf({ edge: '0' })
  const others = (edge: string) => !/^(Edge|VpcLink)/.test(edge)
  assert.deepEqual(into, BETWEEN.filter(others))
  assert.deepEqual(out, [...BETWEEN, ...OUT_OF_IT].filter(others).toSorted())
})

test('relays of a broker on the internet reach it at its port', () => {
  assert.deepEqual(edgesOf({ ...EXTERNAL, brokerPort: '5672', edge: '0' }), {
    out: ['RelaySecurityGroup > 0.0.0.0/0: tcp 443', 'RelaySecurityGroup > 0.0.0.0/0: tcp 5672'],
    into: [],
  })
})

test('a group allows nothing by itself', () => {
  for (const [name, group] of Object.entries(ofType(resourcesOf(), 'AWS::EC2::SecurityGroup'))) {
    assert.equal(group['SecurityGroupIngress'], undefined, name)
    const [egress, ...more] = group['SecurityGroupEgress'] as Properties[]
    assert.deepEqual(more, [])
    assert.partialDeepStrictEqual(egress, { CidrIp: '255.255.255.255/32', IpProtocol: 'icmp' })
  }
})

test('there is no NAT, and no way out of the subnets of broker and functions', () => {
  const resources = resourcesOf({ size: 'ha' })
  assert.deepEqual(ofType(resources, 'AWS::EC2::NatGateway'), {})
  const tables = Object.values(ofType(resources, 'AWS::EC2::Route')).map(
    ({ RouteTableId }) => RouteTableId,
  )
  assert.deepEqual(tables, [{ Ref: 'PublicRoutes' }])
  const subnets = Object.entries(ofType(resources, 'AWS::EC2::Subnet'))
  assert.equal(subnets.length, 6)
  const associations = ofType(resources, 'AWS::EC2::SubnetRouteTableAssociation')
  for (const [name, { MapPublicIpOnLaunch }] of subnets) {
    assert.equal(MapPublicIpOnLaunch, false, name)
    const table = name.startsWith('Public') ? 'PublicRoutes' : 'IsolatedRoutes'
    assert.deepEqual(associations[`${name}Routes`], {
      SubnetId: { Ref: name },
      RouteTableId: { Ref: table },
    })
  }
})

test('what the functions reach beside the broker are two services, for this account alone', () => {
  const endpoints = ofType(resourcesOf(), 'AWS::EC2::VPCEndpoint')
  assert.deepEqual(Object.keys(endpoints), ['SecretsEndpoint', 'S3Endpoint'])
  const statements = Object.values(endpoints).map(
    ({ PolicyDocument }) => (PolicyDocument as { Statement: readonly Properties[] }).Statement[0],
  )
  const [secrets, s3] = statements
  assert.deepEqual(secrets?.['Condition'], {
    StringEquals: { 'aws:PrincipalAccount': { Ref: 'AWS::AccountId' } },
  })
  assert.deepEqual(s3?.['Action'], ['s3:PutObject'])
  assert.match(JSON.stringify(s3?.['Resource']), /:s3:::cloudformation-custom-resource-response-/)
})

const WITHOUT: readonly [string, Env, Parameters<typeof resourcesOf>[1]?][] = [
  ['listeners that only bind', EXTERNAL, [listener('topic1', 'bind')]],
  ['subnets of the company', EXTERNAL_IN_VPC],
]
for (const [what, ...options] of WITHOUT) {
  test(`an external broker and ${what}: no network, no edge and no broker`, () => {
    const resources = Object.values(resourcesOf(...options))
    const types = new Set(resources.map(({ Type }) => Type.split('::').slice(1, 2).join()))
    for (const service of ['EC2', 'AmazonMQ', 'ApiGatewayV2', 'ServiceDiscovery']) {
      assert.ok(!types.has(service), service)
    }
  })
}

test('an external broker and a copying relay: public subnets and nothing else', () => {
  const resources = resourcesOf({ ...EXTERNAL, edge: '0' })
  assert.deepEqual(Object.keys(ofType(resources, 'AWS::EC2::Subnet')), [
    'PublicSubnetA',
    'PublicSubnetB',
  ])
  assert.deepEqual(ofType(resources, 'AWS::EC2::VPCEndpoint'), {})
  assert.deepEqual(Object.keys(ofType(resources, 'AWS::EC2::SecurityGroup')), [
    'RelaySecurityGroup',
  ])
})
