import assert from 'node:assert/strict'
import fs from 'node:fs'
import { before, describe, type TestContext, test } from 'node:test'
import { connect } from 'amqplib'
import {
  LISTENER_TYPE,
  type ListenerProperties,
  NO_MANAGEMENT,
  TOPOLOGY_TYPE,
} from '#functions/topology/properties.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { type CustomResources, startCustomResources } from '../support/custom-resources.ts'
import { endOfFile } from '../support/ending.ts'
import { type Observer, observe } from '../support/messages.ts'
import { startRelay } from '../support/relay.ts'
import { relayJson } from '../support/relay-command.ts'
import { type SecretVersions, startSecretVersions } from '../support/secret-versions.ts'
import { type Topology, topologyOf } from '../support/topology.ts'
import { until } from '../support/until.ts'

const ending = endOfFile()
let broker: Broker
let secrets: SecretVersions
let resources: CustomResources
let topology: Topology
let observer: Observer

before(async () => {
  broker = await startBroker({ plugins: ['rabbitmq_management'] })
  ending.after(() => broker.dispose())
  secrets = await startSecretVersions(ending)
  resources = await startCustomResources(ending)
  topology = topologyOf(broker, secrets)
  await resources.create(TOPOLOGY_TYPE, topology.properties)
  observer = await observe(topology.url('admin'))
  ending.after(() => observer.close())
})

async function create(properties: ListenerProperties): Promise<string> {
  const { Status, Reason, PhysicalResourceId } = await resources.create(LISTENER_TYPE, properties)
  assert.equal(Status, 'SUCCESS', Reason)
  return PhysicalResourceId
}

async function update(id: string, properties: ListenerProperties, old: ListenerProperties) {
  const answer = await resources.update(LISTENER_TYPE, id, properties, old)
  assert.equal(answer.Status, 'SUCCESS', answer.Reason)
  return answer.PhysicalResourceId
}

/** Removes it, and gives what the function counts as forgotten. */
async function remove(
  t: TestContext,
  id: string,
  properties: ListenerProperties,
  lambdaMs = 60_000,
) {
  const written = t.mock.method(fs, 'writeSync', (_: number, bytes: Buffer) => bytes.length)
  const { Status } = await resources.remove(LISTENER_TYPE, id, properties, lambdaMs)
  const lines = written.mock.calls.map(({ arguments: [, line] }) => String(line))
  written.mock.restore()
  assert.equal(Status, 'SUCCESS')
  const metrics = lines.filter((line) => line.startsWith('{"_aws"')).map((line) => JSON.parse(line))
  for (const metric of metrics) assert.equal(metric.Stack, 'warren-test')
  return metrics.map(({ ForgottenStaging }) => ForgottenStaging)
}

/** `source key` of every binding of a queue. */
async function bindingsOf(name: string): Promise<string[]> {
  const bindings = await topology.management.bindingsTo({ kind: 'queue', name })
  return bindings.map(({ source, key }) => `${source} ${key}`).sort()
}

async function exists(queue: string): Promise<boolean> {
  const connection = await connect(topology.url('admin'))
  try {
    const channel = await connection.createChannel()
    channel.on('error', () => {})
    await channel.checkQueue(queue)
    return true
  } catch {
    return false
  } finally {
    await connection.close()
  }
}

const send = (queue: string, body = 'x') =>
  observer.channel.sendToQueue(queue, Buffer.from(body), { persistent: true })

describe('a listener that copies', () => {
  const staging = 'relay.exchange.copy'

  test('keeps messages from its creation on; goes when its queues are empty, with its user', async (t) => {
    const properties = topology.listener('copy')
    const id = await create(properties)
    assert.deepEqual(await bindingsOf(staging), ['exchange '])
    assert.equal(await create(properties), id)
    assert.deepEqual(await remove(t, id, properties), [])
    assert.deepEqual([await exists(staging), await exists(`${staging}.dead`)], [false, false])
    assert.equal(await exists('copy'), true)
    assert.equal(await topology.management.user('relay-copy'), undefined)
    assert.deepEqual(await remove(t, id, properties), [])
  })

  test('leaves behind what is not empty, unbound, and raises an alarm for it', async (t) => {
    const properties = topology.listener('copy')
    const id = await create(properties)
    send(staging)
    send(`${staging}.dead`)
    assert.deepEqual(await remove(t, id, properties), [1, 1])
    assert.deepEqual(await bindingsOf(staging), [])
    const depths = [await observer.depth(staging), await observer.depth(`${staging}.dead`)]
    assert.deepEqual(depths, [1, 1])
    await observer.channel.deleteQueue(staging)
    await observer.channel.deleteQueue(`${staging}.dead`)
  })

  test('whose key changes loses the old binding at the end, and nothing else', async (t) => {
    const settings = { EXCHANGE_TYPE: 'topic' }
    const of = (more: Readonly<Record<string, string>>): ListenerProperties => {
      const { Settings, ...rest } = topology.listener('keyed', 'relay', { ...settings, ...more })
      return { ...rest, Settings: { ...Settings, EXCHANGE: 'topical' } }
    }
    const [before, after] = [of({}), of({ BINDING_KEY: 'eu.#' })]
    const id = await create(before)
    const next = await update(id, after, before)
    assert.notEqual(next, id)
    assert.deepEqual(await bindingsOf('relay.topical.keyed'), ['topical #', 'topical eu.#'])
    assert.deepEqual(await remove(t, id, before), [])
    assert.deepEqual(await bindingsOf('relay.topical.keyed'), ['topical eu.#'])
    assert.ok(await topology.management.user('relay-keyed'))
    assert.equal(await update(next, { ...after, Name: 'other' }, after), next)
  })

  test('that moves to another exchange keeps its user', async (t) => {
    const before = topology.listener('moving')
    const Settings = { ...before.Settings, EXCHANGE: 'elsewhere' }
    const id = await create(before)
    const user = { ...before.User, Read: '^elsewhere$' } as ListenerProperties['User']
    await update(id, { ...before, Settings, User: user }, before)
    assert.deepEqual(await remove(t, id, before), [])
    assert.ok(await topology.management.user('relay-moving'))
    assert.deepEqual(await bindingsOf('relay.elsewhere.moving'), ['elsewhere '])
  })

  test('whose relay runs on is left alone, and told of', async (t) => {
    const properties = topology.listener('busy')
    const id = await create(properties)
    const AMQP_URL = topology.url('relay-busy')
    await startRelay(t, { AMQP_URL, EXCHANGE: 'exchange', QUEUE_TOPIC: 'busy' })
    assert.deepEqual(await remove(t, id, properties, 18_000), [1])
    assert.deepEqual(await bindingsOf('relay.exchange.busy'), ['exchange '])
    assert.ok(await topology.management.user('relay-busy'))
  })
})

test('with its user a relay replays what was parked, and can be detached', async () => {
  await create(topology.listener('manual'))
  const AMQP_URL = topology.url('relay-manual')
  const env = { AMQP_URL, EXCHANGE: 'exchange', QUEUE_TOPIC: 'manual' }
  const staging = 'relay.exchange.manual'
  send(`${staging}.dead`, 'parked')
  const replayed = await relayJson(env, 'replay')
  assert.equal(replayed.code, 0, JSON.stringify(replayed.json))
  await until('it is back', async () => (await observer.depth(staging)) === 1)
  const detached = await relayJson(env, 'detach')
  assert.deepEqual([detached.code, detached.json['forwarded']], [0, 1])
  assert.deepEqual([await exists(staging), await observer.depth('manual')], [false, 1])
})

test('a broker that does not answer is told of, before the time is over', async (t) => {
  const properties = topology.listener('copy')
  const id = await create(properties)
  broker.pause()
  try {
    assert.deepEqual(await remove(t, id, properties, 14_000), [1])
  } finally {
    broker.resume()
  }
  assert.deepEqual(await remove(t, id, properties), [])
})

describe('a listener that binds', () => {
  test('needs no process; a changed key replaces the old one at once', async (t) => {
    const before = topology.listener('direct', 'bind')
    const id = await create(before)
    assert.deepEqual(await bindingsOf('direct'), ['exchange '])
    const Settings = { ...before.Settings, BINDING_KEY: 'other' }
    const next = await update(id, { ...before, Settings }, before)
    assert.deepEqual(await bindingsOf('direct'), ['exchange other'])
    send('direct')
    assert.deepEqual(await remove(t, id, before), [])
    assert.deepEqual(await remove(t, next, { ...before, Settings }), [])
    assert.deepEqual(await bindingsOf('direct'), [])
    assert.deepEqual(await observer.depth('direct'), 1)
  })
})

describe('without a management API', () => {
  const external = (mode: 'relay' | 'bind'): ListenerProperties => {
    const { User: _, ...rest } = topology.listener(`external-${mode}`, mode)
    const AdminSecretArn = secrets.create(`url-${mode}`, topology.url('admin'))
    return { ...rest, AdminSecretArn, ManagementUrl: NO_MANAGEMENT }
  }

  test('listeners come and go all the same', async (t) => {
    for (const [mode, queue] of [
      ['bind', 'external-bind'],
      ['relay', 'relay.exchange.external-relay'],
    ] as const) {
      const id = await create(external(mode))
      assert.deepEqual(await bindingsOf(queue), ['exchange '])
      assert.deepEqual(await remove(t, id, external(mode)), [])
      assert.deepEqual(await bindingsOf(queue), [])
    }
  })

  test('and without a URL, nothing is made, which a deletion does not stumble over', async (t) => {
    const properties = { ...external('bind'), AdminSecretArn: secrets.create('no-url') }
    const { Status, Reason, PhysicalResourceId } = await resources.create(LISTENER_TYPE, properties)
    assert.equal(Status, 'FAILED')
    assert.match(Reason, /put the broker's AMQP URL into arn:.*no-url/)
    assert.deepEqual(await remove(t, PhysicalResourceId, properties), [1])
  })
})
