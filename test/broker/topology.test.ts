import assert from 'node:assert/strict'
import { before, describe, type TestContext, test } from 'node:test'
import { connect } from 'amqplib'
import { LISTENER_TYPE, TOPOLOGY_TYPE } from '#functions/topology/properties.ts'
import { askCanary } from '#lib/amqp/canary.ts'
import { openConnection } from '#lib/amqp/connection.ts'
import { createPublisher } from '#lib/amqp/publisher.ts'
import { deadlineIn } from '#lib/deadline.ts'
import { createLog } from '#lib/log.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { type CustomResources, startCustomResources } from '../support/custom-resources.ts'
import { endOfFile } from '../support/ending.ts'
import { rejection } from '../support/errors.ts'
import { message, observe } from '../support/messages.ts'
import { startRelay } from '../support/relay.ts'
import { type SecretVersions, startSecretVersions } from '../support/secret-versions.ts'
import { type Topology, topologyOf, VHOST } from '../support/topology.ts'
import { until } from '../support/until.ts'

const ending = endOfFile()
let broker: Broker
let secrets: SecretVersions
let resources: CustomResources
let topology: Topology
let id: string

before(async () => {
  broker = await startBroker({ plugins: ['rabbitmq_management'] })
  ending.after(() => broker.dispose())
  secrets = await startSecretVersions(ending)
  resources = await startCustomResources(ending)
  topology = topologyOf(broker, secrets)
  const answer = await resources.create(TOPOLOGY_TYPE, topology.properties)
  assert.equal(answer.Status, 'SUCCESS', answer.Reason)
  id = answer.PhysicalResourceId
})

/** The reply code with which the broker refuses this, on a channel of its own. */
async function refusal(url: string, act: (channel: Channel) => Promise<unknown>) {
  const connection = await connect(url)
  try {
    const channel = await connection.createConfirmChannel()
    channel.on('error', () => {})
    await act(channel)
    return undefined
  } catch (error) {
    return (error as { code?: number }).code
  } finally {
    await connection.close()
  }
}
type Channel = Awaited<ReturnType<Awaited<ReturnType<typeof connect>>['createConfirmChannel']>>

async function publish(channel: Channel, exchange: string, key = ''): Promise<void> {
  const ended = new Promise((_, reject) => channel.once('error', reject))
  channel.publish(exchange, key, Buffer.from('x'))
  await Promise.race([channel.waitForConfirms(), ended])
}

describe('the topology', () => {
  test('is the same the second time, and changes no password', async () => {
    const urls = [topology.url('admin'), topology.url('publish')]
    const answer = await resources.update(
      TOPOLOGY_TYPE,
      id,
      topology.properties,
      topology.properties,
    )
    assert.deepEqual([answer.Status, answer.PhysicalResourceId], ['SUCCESS', id])
    assert.deepEqual([topology.url('admin'), topology.url('publish')], urls)
    assert.equal(secrets.writes(topology.secretOf('publish')), 1)
  })

  test('has the canary, in its own vhost, with an administrator of its own', async () => {
    assert.equal(new URL(topology.url('admin')).pathname, `/${VHOST}`)
    assert.equal(
      await refusal(topology.url('admin'), (channel) =>
        channel.assertExchange('warren.canary', 'direct', { durable: true }),
      ),
      undefined,
    )
  })

  test('has a user again that was lost, with the password that its secret has', async () => {
    await topology.management.deleteUser('publish')
    await assert.rejects(connect(topology.url('publish')), /ACCESS_REFUSED/)
    await resources.update(TOPOLOGY_TYPE, id, topology.properties, topology.properties)
    await (await connect(topology.url('publish'))).close()
  })

  test('loses a user that is not wanted any more, and nothing else', async () => {
    const SecretArn = topology.secretOf('extra')
    const { properties } = topology
    const user = { Name: 'extra', SecretArn, Configure: '^$', Write: '^$', Read: '^$' }
    const more = { ...properties, Users: [...properties.Users, user] }
    await resources.update(TOPOLOGY_TYPE, id, more, properties)
    await (await connect(topology.url('extra'))).close()
    await resources.update(TOPOLOGY_TYPE, id, properties, more)
    assert.equal(await topology.management.user('extra'), undefined)
    await (await connect(topology.url('publish'))).close()
  })

  test('says what is missing when there is no administrator', async () => {
    const { BootstrapSecretArn: _, ...rest } = topology.properties
    const AdminSecretArn = secrets.create('empty')
    const { Status, Reason } = await resources.create(TOPOLOGY_TYPE, { ...rest, AdminSecretArn })
    assert.equal(Status, 'FAILED')
    assert.match(String(Reason), /put the AMQP URL of an administrator into arn:/)
  })
})

function publisherAs(t: TestContext, user: string) {
  const publisher = createPublisher({
    broker: { url: topology.url(user), heartbeatS: 20 },
    connectionName: user,
    log: createLog({ level: 'silent' }),
  })
  t.after(() => publisher.close(100))
  return publisher
}

describe('with the least rights', () => {
  let relayUrl: string
  before(async () => {
    const answer = await resources.create(LISTENER_TYPE, topology.listener('topic1'))
    assert.equal(answer.Status, 'SUCCESS', answer.Reason)
    relayUrl = topology.url('relay-topic1')
  })

  test('a real publisher and a real relay do their work', async (t) => {
    const observer = await observe(topology.url('admin'))
    t.after(() => observer.close())
    const AMQP_URL_SECRET_ARN = topology.secretOf('relay-topic1')
    const settings = { EXCHANGE: 'exchange', QUEUE_TOPIC: 'topic1', TOPOLOGY_CHECK_MS: '300' }
    const relay = await startRelay(t, { ...secrets.env, ...settings, AMQP_URL_SECRET_ARN })
    const publisher = publisherAs(t, 'publish')
    await publisher.publish(message('exchange', { messageId: 'a' }), deadlineIn(7000))
    await until('the copy', async () => (await observer.ids('topic1'))[0] === 'a')
    assert.deepEqual(
      relay.lines.filter(({ level }) => level === 'warn' || level === 'error'),
      [],
    )
    await observer.channel.deleteQueue('topic1')
    await observer.channel.deleteExchange('exchange')
    await relay.logged('what was missing was declared and bound again')
    await publisher.publish(message('exchange', { messageId: 'b' }), deadlineIn(7000))
    await relay.logged('the destination was missing and was declared again')
    await until('the second copy', async () => (await observer.ids('topic1')).length === 1)
  })

  test('a publisher can do nothing else', async () => {
    const url = topology.url('publish')
    const codes = await Promise.all([
      refusal(url, (channel) => channel.assertQueue('mine', { durable: true })),
      refusal(url, (channel) => channel.assertExchange('mine', 'fanout')),
      refusal(url, (channel) => channel.get('topic1')),
      refusal(url, (channel) => channel.bindQueue('topic1', 'exchange', '')),
      refusal(url, (channel) => channel.purgeQueue('topic1')),
      refusal(url, (channel) => channel.deleteQueue('topic1')),
      refusal(url, (channel) => publish(channel, '', 'topic1')),
    ])
    assert.deepEqual(codes, Array(7).fill(403))
    assert.equal(await refusal(url, (channel) => publish(channel, 'exchange')), undefined)
  })

  test('the canary is a publisher’s to use', async (t) => {
    const connection = await openConnection({
      url: topology.url('publish'),
      connectionName: 'canary',
      heartbeatS: 20,
      deadline: deadlineIn(5000),
    })
    t.after(() => connection.close(100))
    assert.equal(await askCanary(connection), 'free')
  })

  test('who asks whether the broker is ready can publish nothing', async (t) => {
    const publisher = publisherAs(t, 'ready')
    await publisher.ready(deadlineIn(7000))
    const { code } = await rejection(publisher.publish(message('exchange'), deadlineIn(7000)))
    assert.equal(code, 'broker-misconfigured')
  })

  test('a relay does nothing to what is not its own', async () => {
    await resources.create(LISTENER_TYPE, topology.listener('topic2'))
    const other = 'relay.exchange.topic2'
    const codes = await Promise.all([
      refusal(relayUrl, (channel) => channel.get('topic1')),
      refusal(relayUrl, (channel) => channel.get(other)),
      refusal(relayUrl, (channel) => channel.deleteQueue(other)),
      refusal(relayUrl, (channel) => channel.unbindQueue(other, 'exchange', '')),
      refusal(relayUrl, (channel) => channel.assertQueue('mine', { durable: true })),
      refusal(relayUrl, (channel) => channel.bindQueue('topic1', 'amq.fanout', '')),
      refusal(relayUrl, (channel) => publish(channel, 'exchange')),
    ])
    assert.deepEqual(codes, Array(7).fill(403))
  })

  test('nobody but the administrator may use the management API', async () => {
    for (const [user, status] of [
      ['publish', 401],
      ['relay-topic1', 401],
      ['admin', 200],
    ] as const) {
      const { username, password } = new URL(topology.url(user))
      const authorization = `Basic ${btoa(`${username}:${password}`)}`
      const answer = await fetch(`${broker.managementUrl}/api/whoami`, {
        headers: { authorization },
      })
      assert.equal(answer.status, status, user)
    }
  })
})

test('without the topology, its users have no rights, and everything else is as it was', async () => {
  const answer = await resources.remove(TOPOLOGY_TYPE, id, topology.properties)
  assert.equal(answer.Status, 'SUCCESS')
  await assert.rejects(connect(topology.url('publish')), /ACCESS_REFUSED/)
  await (await connect(topology.url('relay-topic1'))).close()
  const isThere = (channel: Channel) => channel.checkQueue('relay.exchange.topic1')
  assert.equal(await refusal(topology.url('admin'), isThere), undefined)
})
