import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readRotation } from '#functions/rotation/settings.ts'
import { OBSERVER, PUBLISHER, relayPermissions } from '#functions/topology/permissions.ts'
import {
  LISTENER_TYPE,
  NO_MANAGEMENT,
  parseListener,
  parseTopology,
  TOPOLOGY_TYPE,
  type UserProperties,
} from '#functions/topology/properties.ts'
import { ConfigError } from '#lib/config.ts'
import { readRelay } from '#lib/config-relay.ts'

const ARN = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbCdEf'
const USER: UserProperties = {
  Name: 'publish',
  SecretArn: ARN,
  Configure: '^$',
  Write: '.*',
  Read: '^$',
}
const TOPOLOGY = {
  ServiceToken: 'arn:aws:lambda:eu-west-1:123456789012:function:topology',
  ServiceTimeout: '120',
  AdminSecretArn: ARN,
  BootstrapSecretArn: ARN,
  AmqpEndpoint: 'amqps://b-1.mq.eu-west-1.amazonaws.com:5671',
  Vhost: 'warren',
  Users: [USER],
}
const LISTENER = {
  AdminSecretArn: ARN,
  ManagementUrl: NO_MANAGEMENT,
  Name: 'topic1',
  Settings: { EXCHANGE: 'exchange', QUEUE_TOPIC: 'topic1' },
}

describe('the properties of a custom resource', () => {
  test('have types that CloudFormation allows', () => {
    for (const type of [TOPOLOGY_TYPE, LISTENER_TYPE]) assert.match(type, /^Custom::[\w@-]{1,52}$/)
  })

  test('are taken as CloudFormation sends them', () => {
    assert.deepEqual(parseTopology(TOPOLOGY), TOPOLOGY)
    assert.deepEqual(parseListener(LISTENER), LISTENER)
    assert.deepEqual(parseListener({ ...LISTENER, User: USER }).User, USER)
  })

  for (const [what, more, message] of [
    ['a misspelt property', { Vhosts: 'x' }, /Vhosts/],
    [
      'a name of the second user',
      { Users: [{ ...USER, Name: 'publish.2' }] },
      /^Users.0.Name: must/,
    ],
    ['an endpoint with a login', { AmqpEndpoint: 'amqps://u:p@h:5671' }, /^AmqpEndpoint: must/],
    ['an address that is none', { ManagementUrl: 'b-1.mq' }, /^ManagementUrl: must/],
    ['no management API', { ManagementUrl: NO_MANAGEMENT }, /^ManagementUrl: must/],
    ['two wrong ones', { Vhost: '', AdminSecretArn: 'x' }, /AdminSecretArn.*; Vhost/],
  ] as const) {
    test(`are refused for ${what}`, () =>
      assert.throws(() => parseTopology({ ...TOPOLOGY, ...more }), { message }))
  }
})

describe('permissions', () => {
  const allows = (pattern: string, ...names: string[]) =>
    names.filter((name) => new RegExp(pattern).test(name))

  test('of a publisher: every exchange but the default one', () => {
    assert.deepEqual(allows(PUBLISHER.Write, 'orders', 'amq.default', 'amq.topic', 'a/b', ''), [
      'orders',
      'amq.topic',
      'a/b',
    ])
    assert.deepEqual(allows(PUBLISHER.Configure, 'orders', 'a'), [])
  })

  test('of one who only looks: none', () => {
    for (const pattern of Object.values(OBSERVER)) assert.deepEqual(allows(pattern, 'a', '/'), [])
  })

  test('of a relay: its own objects by their whole names, whatever is in them', () => {
    const { Configure, Write, Read } = relayPermissions(
      readRelay({ EXCHANGE: 'or.ders(1)', QUEUE_TOPIC: 'a|b' }),
    )
    const own = ['relay.or.ders(1).a|b', 'relay.or.ders(1).a|b.dead']
    const foreign = ['orxders(1)', 'a', 'b', 'xa|b', 'relay.or.ders(1).a|b.dead.x', 'amq.topic']
    const all = ['or.ders(1)', 'a|b', 'amq.default', ...own, ...foreign]
    assert.deepEqual(allows(Configure, ...all), ['or.ders(1)', 'a|b', ...own])
    assert.deepEqual(allows(Write, ...all), ['amq.default', own[0]])
    assert.deepEqual(allows(Read, ...all), ['or.ders(1)', ...own])
  })

  test('of a relay that holds for a missing destination: it declares none', () => {
    const settings = { EXCHANGE: 'orders', QUEUE_TOPIC: 'q', ON_MISSING: 'hold' }
    assert.deepEqual(allows(relayPermissions(readRelay(settings)).Configure, 'q'), [])
  })

  test('of a relay to an exchange: it publishes there', () => {
    const { Write } = relayPermissions(readRelay({ EXCHANGE: 'orders', DEST_EXCHANGE: 'audit' }))
    assert.deepEqual(allows(Write, 'orders', 'audit'), ['audit'])
  })
})

test('the rotation needs to know the administrator', () => {
  assert.throws(() => readRotation({}), ConfigError)
  assert.deepEqual(readRotation({ ADMIN_SECRET_ARN: ARN, MANAGEMENT_URL: '' }), {
    adminSecretArn: ARN,
    logLevel: 'info',
  })
})
