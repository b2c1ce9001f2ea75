import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Env } from '#lib/config.ts'
import {
  EXTERNAL,
  EXTERNAL_IN_VPC,
  listener,
  ofType,
  type Properties,
  propertiesOf,
  type Resources,
  resourcesOf,
  SECRET_ARN,
} from '../support/installation.ts'

const PREFIX = ['arn:', { Ref: 'AWS::Partition' }]
const HERE = [{ Ref: 'AWS::Region' }, ':', { Ref: 'AWS::AccountId' }]
const joined = (...parts: readonly unknown[]) => ({ 'Fn::Join': ['', parts] })
const allow = (Action: readonly string[], Resource: unknown) => ({
  ...{ Effect: 'Allow', Action, Resource },
})

const logs = (name: string) =>
  allow(['logs:CreateLogStream', 'logs:PutLogEvents'], {
    'Fn::GetAtt': [`${name}LogGroup`, 'Arn'],
  })
const secret = (id: string) => ({ Ref: `${id}Secret` })
const reads = (...secrets: readonly unknown[]) =>
  allow(['secretsmanager:GetSecretValue'], secrets.length === 1 ? secrets[0] : secrets)
const rotates = (secrets: unknown) =>
  allow(
    [
      'secretsmanager:DescribeSecret',
      'secretsmanager:GetSecretValue',
      'secretsmanager:PutSecretValue',
      'secretsmanager:UpdateSecretVersionStage',
    ],
    secrets,
  )

const INTERFACES = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
]
/** Lambda may put the function into its network; the function's code may not touch the network. */
const network = (name: string) => {
  const code = joined(
    ...[...PREFIX, ':lambda:', { Ref: 'AWS::Region' }, ':', { Ref: 'AWS::AccountId' }],
    ...[':function:', { Ref: 'AWS::StackName' }, `-${name}`],
  )
  return [
    allow(INTERFACES, '*'),
    {
      ...{ Effect: 'Deny', Action: INTERFACES, Resource: '*' },
      Condition: { ArnEquals: { 'lambda:SourceFunctionArn': code } },
    },
  ]
}

const repository = (image: string) =>
  joined(...PREFIX, ':ecr:', ...HERE, ':', 'repository/', { Ref: 'AWS::StackName' }, `/${image}`)

const FILLED = ['BrokerAdmin', 'PublishUrl', 'BatchUrl', 'ReadyUrl'].map(secret)

/** Whoever may do more than this says so here. */
const WITH_A_BROKER: Readonly<Record<string, readonly object[]>> = {
  AuthorizerRole: [logs('Authorizer'), reads(secret('ApiTokens'))],
  PublishRole: [logs('Publish'), ...network('publish'), reads(secret('PublishUrl'))],
  BatchRole: [logs('Batch'), ...network('batch'), reads(secret('BatchUrl'))],
  HealthRole: [logs('Health')],
  ReadyRole: [logs('Ready'), ...network('ready'), reads(secret('ReadyUrl'))],
  OpenapiRole: [logs('Openapi')],
  DocsRole: [logs('Docs')],
  ProblemsRole: [logs('Problems')],
  FallbackRole: [logs('Fallback')],
  TopologyRole: [
    ...[logs('Topology'), ...network('topology')],
    reads(secret('BrokerBootstrap'), ...FILLED),
    allow(['secretsmanager:PutSecretValue'], FILLED),
  ],
  RotationRole: [logs('Rotation'), ...network('rotation'), rotates(FILLED)],
  // Of ECS, before a task runs: images and logs of this stack.
  TaskExecutionRole: [
    allow(['ecr:GetAuthorizationToken'], '*'),
    allow(
      ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
      [repository('relay'), repository('edge')],
    ),
    allow(
      ['logs:CreateLogStream', 'logs:PutLogEvents'],
      joined(
        ...[...PREFIX, ':logs:', ...HERE, ':', 'log-group:'],
        ...[joined('/warren/', { Ref: 'AWS::StackName' }, '/*'), ':*'],
      ),
    ),
  ],
  RelayTopic1TaskRole: [reads(secret('RelayTopic1Url'))],
  RelayTopic2TaskRole: [reads(secret('RelayTopic2Url'))],
  EdgeTaskRole: [],
  // API Gateway's own, by the policy that AWS made for it.
  ApiGatewayLogRole: [],
}

type Policy = { readonly PolicyDocument: { readonly Statement: readonly object[] } }

const statementsOf = ({ Policies }: Properties) =>
  ((Policies ?? []) as unknown as readonly Policy[]).flatMap(
    ({ PolicyDocument }) => PolicyDocument.Statement,
  )

const rolesOf = (resources: Resources) =>
  Object.fromEntries(
    Object.entries(ofType(resources, 'AWS::IAM::Role')).map(([name, properties]) => [
      name,
      statementsOf(properties),
    ]),
  )

test('every role may do exactly what is written here', () => {
  assert.deepEqual(rolesOf(resourcesOf()), WITH_A_BROKER)
})

test('what sets up and rotates may use the secret of each relay, and nobody else may', () => {
  const policies = ofType(resourcesOf(), 'AWS::IAM::Policy')
  assert.deepEqual(Object.keys(policies), ['RelayTopic1SecretPolicy', 'RelayTopic2SecretPolicy'])
  for (const [name, { Roles, PolicyDocument }] of Object.entries(policies)) {
    assert.deepEqual(Roles, [{ Ref: 'TopologyRole' }, { Ref: 'RotationRole' }])
    const { Statement } = PolicyDocument as { readonly Statement: unknown }
    assert.deepEqual(Statement, [rotates(secret(name.replace('SecretPolicy', 'Url')))])
  }
})

const external = (parameters: Env) => {
  const roles = rolesOf(resourcesOf(parameters))
  return Object.fromEntries(
    ['PublishRole', 'BatchRole', 'ReadyRole', 'TopologyRole', 'RelayTopic1TaskRole'].map((name) => [
      name,
      roles[name],
    ]),
  )
}

test('with an external broker all of them read the one secret that was given, and write none', () => {
  const read = reads(SECRET_ARN)
  assert.deepEqual(external(EXTERNAL), {
    PublishRole: [logs('Publish'), read],
    BatchRole: [logs('Batch'), read],
    ReadyRole: [logs('Ready'), read],
    TopologyRole: [logs('Topology'), read],
    RelayTopic1TaskRole: [read],
  })
  assert.ok(!('RotationRole' in rolesOf(resourcesOf(EXTERNAL))))
  const inVpc = external(EXTERNAL_IN_VPC)
  assert.deepEqual(inVpc['PublishRole'], [logs('Publish'), ...network('publish'), read])
  assert.deepEqual(inVpc['TopologyRole'], [logs('Topology'), ...network('topology'), read])
})

test('who knows the tokens does not know the broker, and the other way round', () => {
  for (const parameters of [{}, { size: 'ha', protect: '1' }, EXTERNAL, EXTERNAL_IN_VPC]) {
    const { AuthorizerRole, ...others } = rolesOf(resourcesOf(parameters))
    const tokens = JSON.stringify(secret('ApiTokens'))
    assert.deepEqual(
      AuthorizerRole?.filter((statement) => JSON.stringify(statement).includes('secretsmanager')),
      [reads(secret('ApiTokens'))],
    )
    assert.ok(!JSON.stringify(others).includes(tokens), 'and nobody else reads the tokens')
  }
})

/** What AWS knows no narrower name for. */
const WILD = [...INTERFACES, 'ecr:GetAuthorizationToken']

test('a right on everything is one that AWS knows no narrower form of', () => {
  const wild = Object.values(rolesOf(resourcesOf()))
    .flat()
    .map((statement) => statement as ReturnType<typeof allow>)
    .filter(({ Effect, Resource }) => Effect === 'Allow' && Resource === '*')
    .flatMap(({ Action }) => Action)
  assert.deepEqual([...new Set(wild)].toSorted(), WILD)
})

test("only API Gateway's role has a policy that is not ours", () => {
  const managed = Object.entries(resourcesOf()).filter(
    ([, { Properties }]) => Properties?.['ManagedPolicyArns'] !== undefined,
  )
  assert.deepEqual(
    managed.map(([name]) => name),
    ['ApiGatewayLogRole'],
  )
})

test('a role is for one service of AWS', () => {
  for (const [name, { AssumeRolePolicyDocument }] of Object.entries(
    ofType(resourcesOf(), 'AWS::IAM::Role'),
  )) {
    const service = /Task/.test(name)
      ? 'ecs-tasks'
      : name === 'ApiGatewayLogRole'
        ? 'apigateway'
        : 'lambda'
    assert.deepEqual((AssumeRolePolicyDocument as { readonly Statement: unknown }).Statement, [
      {
        Effect: 'Allow',
        Principal: { Service: `${service}.amazonaws.com` },
        Action: 'sts:AssumeRole',
      },
    ])
  }
})

/**
 * As long as it can become: an ARN of a secret has 127 characters, with a listener's name of 40 in it and
 * with what CloudFormation and Secrets Manager put behind that.
 */
const lengthOf = (document: unknown) =>
  JSON.stringify(document, (_key, value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return 'Ref' in value || 'Fn::GetAtt' in value ? '*'.repeat(127) : value
  }).length

test('all the relays that a stack may have are within the quotas of IAM and CloudFormation', () => {
  const names = Array.from({ length: 20 }, (_, n) => `${n}`.padStart(40, 'x'))
  const resources = resourcesOf(
    { size: 'ha', alarmEmail: 'ops@example.com' },
    names.map((name) => listener(name)),
  )
  const shared = Object.values(ofType(resources, 'AWS::IAM::Policy')).reduce(
    (sum, { PolicyDocument }) => sum + lengthOf(PolicyDocument),
    0,
  )
  for (const name of ['TopologyRole', 'RotationRole']) {
    const { Policies } = propertiesOf(resources, name)
    const own = (Policies as unknown as readonly Policy[]).map(({ PolicyDocument }) =>
      lengthOf(PolicyDocument),
    )
    const all = own.reduce((sum, length) => sum + length, shared)
    assert.ok(all <= 10_240, `${name}: ${all} characters`)
  }
  // serverless makes about 70 more: functions, logs, methods.
  assert.ok(Object.keys(resources).length <= 420, `${Object.keys(resources).length} resources`)
})
