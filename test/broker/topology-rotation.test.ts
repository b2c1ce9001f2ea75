import assert from 'node:assert/strict'
import { before, type TestContext, test } from 'node:test'
import { connect } from 'amqplib'
import { handler as rotate } from '#functions/rotation/handler.ts'
import { LISTENER_TYPE, TOPOLOGY_TYPE } from '#functions/topology/properties.ts'
import type { Receipt } from '#lib/amqp/message.ts'
import { NO_METER } from '#lib/amqp/meter.ts'
import { createPublisher } from '#lib/amqp/publisher.ts'
import { deadlineIn } from '#lib/deadline.ts'
import { createLog } from '#lib/log.ts'
import { newPassword, withLogin } from '#lib/management/login.ts'
import { brokerUrlFrom, secretReader } from '#lib/secrets.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { startCustomResources } from '../support/custom-resources.ts'
import { endOfFile } from '../support/ending.ts'
import { keepLedger } from '../support/ledger.ts'
import { message } from '../support/messages.ts'
import { startRelay } from '../support/relay.ts'
import { type SecretVersions, startSecretVersions } from '../support/secret-versions.ts'
import { type Topology, topologyOf, VHOST } from '../support/topology.ts'

const ending = endOfFile()
let broker: Broker
let secrets: SecretVersions
let topology: Topology

before(async () => {
  broker = await startBroker({ plugins: ['rabbitmq_management'] })
  ending.after(() => broker.dispose())
  secrets = await startSecretVersions(ending)
  topology = topologyOf(broker, secrets)
  const resources = await startCustomResources(ending)
  await resources.create(TOPOLOGY_TYPE, topology.properties)
  await resources.create(LISTENER_TYPE, topology.listener('topic1'))
  Object.assign(process.env, {
    ADMIN_SECRET_ARN: topology.secretOf('admin'),
    BOOTSTRAP_USER: broker.user,
    LOG_LEVEL: 'error',
  })
})

const userOf = (user: string) => new URL(topology.url(user)).username
const refused = (url: string) => assert.rejects(connect(url), /ACCESS_REFUSED/)

const CALLERS = 8

/** Publishes all the time as a function does, with the URL from its secret. */
function startLoad(t: TestContext) {
  const log = createLog({ level: 'silent' })
  const secretArn = topology.secretOf('publish')
  const connections = { opened: 0 }
  const publisher = createPublisher({
    broker: { secretArn, heartbeatS: 20 },
    connectionName: 'load',
    log,
    readUrl: brokerUrlFrom(secretReader(secretArn), log),
    meter: {
      ...NO_METER,
      connected: () => {
        connections.opened += 1
      },
    },
  })
  t.after(() => publisher.close(100))
  const receipts: Receipt[] = []
  let ids = 0
  let running = true
  const call = async () => {
    while (running) {
      const messageId = String(ids++)
      receipts.push(await publisher.publish(message('exchange', { messageId }), deadlineIn(7000)))
    }
  }
  const calls = Promise.all(Array.from({ length: CALLERS }, call))
  calls.catch(() => {}) // It is looked at in the end.
  return {
    /** @throws {WarrenError} the first failure */
    stop: async () => {
      running = false
      await calls
      return { receipts, opened: connections.opened }
    },
  }
}

/** Of a user whom no rotation touches. */
async function observerUrl(): Promise<string> {
  const login = { user: 'observer', password: newPassword() }
  await topology.management.putUser(login.user, { ...login, tags: [] })
  const all = { vhost: VHOST, configure: '.*', write: '.*', read: '.*' }
  await topology.management.putPermissions(login.user, all)
  return withLogin(topology.url('admin'), login)
}

test('passwords change under load: every message is published, and copied, at the second try at most', async (t) => {
  const AMQP_URL_SECRET_ARN = topology.secretOf('relay-topic1')
  const settings = { EXCHANGE: 'exchange', QUEUE_TOPIC: 'topic1' }
  const relay = await startRelay(t, { ...secrets.env, ...settings, AMQP_URL_SECRET_ARN })
  const ledger = await keepLedger(await observerUrl(), 'topic1')
  t.after(() => ledger.close())
  const before = ['publish', 'relay-topic1', 'admin'].map(topology.url)
  const load = startLoad(t)
  for (let round = 1; round <= 3; round += 1) {
    for (const user of ['publish', 'relay-topic1', 'admin']) {
      await secrets.rotate(topology.secretOf(user), rotate)
    }
    const expected = round % 2 === 1 ? 'publish.2' : 'publish'
    assert.equal(userOf('publish'), expected)
    // The user of before is still good; the one before it is not (it has another password).
    if (round === 1) for (const url of before) await (await connect(url)).close()
    else for (const url of before) await refused(url)
  }
  const { receipts, opened } = await load.stop()
  const again = receipts.filter(({ attempts }) => attempts > 1).length
  t.diagnostic(`${receipts.length} published, ${again} at the second try`)
  assert.ok(receipts.every(({ routed, attempts }) => routed && attempts <= 2))
  const { distinct } = await ledger.complete(receipts.length, 30_000)
  assert.equal(distinct, receipts.length)
  // The second and the third rotation ended what was logged in with a password of before.
  assert.ok(opened >= 3, `${opened} connections`)
  assert.ok((await relay.metric('reconnects_total')) >= 2)
})

test('with the first rotation of the administrator, the user that CloudFormation knows is of no use', async () => {
  await refused(broker.amqpUrl)
})

test('a step that comes again changes nothing, and one of a rotation that is over does nothing', async () => {
  const arn = topology.secretOf('publish')
  const token = await secrets.rotate(arn, async (event) => {
    await rotate(event)
    const url = topology.url('publish')
    await rotate(event)
    assert.equal(topology.url('publish'), url)
  })
  await rotate({ Step: 'createSecret', SecretId: arn, ClientRequestToken: token })
  await (await connect(topology.url('publish'))).close()
})

test('what cannot be rotated stays as it is', async () => {
  const arn = topology.secretOf('publish')
  const url = topology.url('publish')
  const other = { Step: 'setSecret', SecretId: arn, ClientRequestToken: 'other' }
  await assert.rejects(rotate(other), /no version other is pending/)
  await assert.rejects(secrets.rotate(secrets.create('empty'), rotate), /holds no AMQP URL/)
  const { MANAGEMENT_URL } = process.env
  process.env['MANAGEMENT_URL'] = 'http://127.0.0.1:1'
  await assert.rejects(secrets.rotate(arn, rotate), /management API/)
  Object.assign(process.env, { MANAGEMENT_URL })
  assert.equal(topology.url('publish'), url)
  await (await connect(url)).close()
})
