import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stackPolicy } from '#infra/aws/guards.ts'
import type { SizeName } from '#infra/aws/sizes.ts'
import { EXTERNAL, installation, ofType, resourcesOf } from '../support/installation.ts'

const STACK = { Ref: 'AWS::StackName' }
const subnets = (...zones: readonly string[]) =>
  zones.map((zone) => ({ Ref: `IsolatedSubnet${zone}` }))

/**
 * Properties of which CloudFormation makes a new resource when they change: the messages would stay
 * behind in the old one. Whoever changes this list moves every installation (docs/aws.md).
 */
const NEVER_CHANGES: Readonly<Record<SizeName, Readonly<Record<string, object>>>> = {
  small: {
    Broker: {
      BrokerName: STACK,
      EngineType: 'RABBITMQ',
      DeploymentMode: 'SINGLE_INSTANCE',
      PubliclyAccessible: false,
      SubnetIds: subnets('A'),
    },
    BrokerConfiguration: { Name: STACK, EngineType: 'RABBITMQ' },
  },
  ha: {
    Broker: {
      BrokerName: STACK,
      EngineType: 'RABBITMQ',
      DeploymentMode: 'CLUSTER_MULTI_AZ',
      PubliclyAccessible: false,
      SubnetIds: subnets('A', 'B', 'C'),
    },
    BrokerConfiguration: { Name: STACK, EngineType: 'RABBITMQ' },
  },
}
const SUBNETS_NEVER_CHANGE = {
  IsolatedSubnetA: '10.0.0.0/20',
  IsolatedSubnetB: '10.0.16.0/20',
  IsolatedSubnetC: '10.0.32.0/20',
}

for (const size of ['small', 'ha'] as const) {
  test(`what cannot be changed without losing the broker is as it was (${size})`, () => {
    const resources = resourcesOf({ size })
    for (const [id, expected] of Object.entries(NEVER_CHANGES[size])) {
      const { Properties = {} } = resources[id] ?? {}
      const picked = Object.keys(expected).map((name) => [name, Properties[name]])
      assert.deepEqual(Object.fromEntries(picked), expected, id)
    }
    assert.equal(resources['Broker']?.Properties?.['EncryptionOptions'], undefined)
    assert.equal(resources['Vpc']?.Properties?.['CidrBlock'], '10.0.0.0/16')
    const cidrs = Object.entries(SUBNETS_NEVER_CHANGE).slice(0, size === 'ha' ? 3 : 2)
    for (const [index, [id, CidrBlock]] of cidrs.entries()) {
      const AvailabilityZone = { 'Fn::Select': [index, { 'Fn::GetAZs': '' }] }
      assert.deepEqual(resources[id]?.Properties, {
        ...{ VpcId: { Ref: 'Vpc' }, CidrBlock, AvailabilityZone, MapPublicIpOnLaunch: false },
      })
    }
    assert.equal(resources['ApiTokensSecret']?.Properties?.['Name'], undefined)
  })
}

test('the broker is a RabbitMQ 4.2 that is patched, logs, and is reached by our groups alone', () => {
  const { Broker, BrokerConfiguration } = resourcesOf()
  assert.partialDeepStrictEqual(Broker?.Properties, {
    EngineVersion: '4.2',
    HostInstanceType: 'mq.m7g.medium',
    AutoMinorVersionUpgrade: true,
    Logs: { General: true },
    SecurityGroups: [{ 'Fn::GetAtt': ['BrokerSecurityGroup', 'GroupId'] }],
  })
  assert.equal(BrokerConfiguration?.Properties?.['EngineVersion'], '4.2')
  const large = resourcesOf({ size: 'ha' })
  assert.equal(large['Broker']?.Properties?.['HostInstanceType'], 'mq.m7g.large')
})

for (const [size, connections, channels] of [
  ['small', 300, 900],
  ['ha', 2000, 6000],
] as const) {
  test(`the broker takes ${connections} connections and messages of 32 MiB (${size})`, () => {
    const data = resourcesOf({ size })['BrokerConfiguration']?.Properties?.['Data']
    const lines = [
      `connection_max = ${connections}`,
      `channel_max_per_node = ${channels}`,
      'max_message_size = 33554432\n',
    ]
    assert.deepEqual(data, { 'Fn::Base64': lines.join('\n') })
  })
}

test('no password is in the template', () => {
  const { Broker, BrokerBootstrapSecret } = resourcesOf()
  const Password = {
    'Fn::Join': [
      '',
      ['{{resolve:secretsmanager:', { Ref: 'BrokerBootstrapSecret' }, ':SecretString:password}}'],
    ],
  }
  assert.deepEqual(Broker?.Properties?.['Users'], [{ Username: 'warren-bootstrap', Password }])
  assert.partialDeepStrictEqual(BrokerBootstrapSecret?.Properties, {
    GenerateSecretString: { PasswordLength: 40, GenerateStringKey: 'password' },
  })
})

test('a value of a secret never changes: CloudFormation would write it over the one in use', () => {
  const values = Object.entries(ofType(resourcesOf(), 'AWS::SecretsManager::Secret')).map(
    ([id, { SecretString, GenerateSecretString }]) => [id, SecretString ?? GenerateSecretString],
  )
  const { BrokerBootstrapSecret, ...others } = Object.fromEntries(values)
  assert.deepEqual(others, {
    ApiTokensSecret: '{"tokens":[]}',
    BrokerAdminSecret: undefined,
    PublishUrlSecret: undefined,
    BatchUrlSecret: undefined,
    ReadyUrlSecret: undefined,
    RelayTopic1UrlSecret: undefined,
    RelayTopic2UrlSecret: undefined,
  })
  assert.deepEqual(BrokerBootstrapSecret, {
    SecretStringTemplate: '{"username":"warren-bootstrap"}',
    GenerateStringKey: 'password',
    PasswordLength: 40,
    ExcludePunctuation: true,
  })
})

/** What holds messages or the keys to them, and what the broker's network interfaces hang on. */
const KEPT = [
  'ApiTokensSecret',
  'Broker',
  'BrokerAdminSecret',
  'BrokerBootstrapSecret',
  'BrokerConfiguration',
  'BrokerSecurityGroup',
  'IsolatedSubnetA',
  'IsolatedSubnetB',
  'IsolatedSubnetC',
  'Vpc',
]

const retained = (parameters: Parameters<typeof resourcesOf>[0]) =>
  Object.entries(resourcesOf(parameters))
    .filter(([, { DeletionPolicy }]) => DeletionPolicy === 'RetainExceptOnCreate')
    .map(([id, { UpdateReplacePolicy }]) => {
      assert.equal(UpdateReplacePolicy, 'Retain', id)
      return id
    })
    .toSorted()

test('a protected installation leaves the messages behind when it is removed', () => {
  assert.deepEqual(retained({ size: 'ha', protect: '1' }), KEPT)
  assert.deepEqual(retained({ ...EXTERNAL, protect: '1' }), ['ApiTokensSecret'])
})

test('one that is not protected leaves nothing behind', () => {
  assert.deepEqual(retained({ size: 'ha' }), [])
})

test('no update of a protected stack replaces or removes what holds messages', () => {
  const allow = { Effect: 'Allow', Principal: '*', Action: 'Update:*', Resource: '*' }
  assert.deepEqual(stackPolicy(installation()), [allow])
  const [all, deny, ...more] = stackPolicy(installation({ protect: '1' }))
  assert.deepEqual(more, [])
  assert.deepEqual(all, allow)
  assert.partialDeepStrictEqual(deny, {
    Effect: 'Deny',
    Action: ['Update:Replace', 'Update:Delete'],
  })
  assert.deepEqual(
    deny?.['Resource'],
    KEPT.filter((id) => !/Subnet|SecurityGroup/.test(id)).map((id) => `LogicalResourceId/${id}`),
  )
})
