import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Broker, startBroker } from '../support/broker.ts'
import { keepLedger, publishIds } from '../support/ledger.ts'
import { type Observer, observe } from '../support/messages.ts'
import { startProxy } from '../support/proxy.ts'
import { startRelay } from '../support/relay.ts'
import { saveQueues } from '../support/save-queues.ts'
import { until } from '../support/until.ts'

let broker: Broker
let other: Broker
let observer: Observer

before(async () => {
  broker = await startBroker()
  other = await startBroker()
  observer = await observe(broker.amqpUrl)
})

after(async () => {
  await observer?.close()
  await other?.dispose()
  await broker?.dispose()
})

test('connections that are reset on either side lose nothing and keep the order', async (t) => {
  const source = await startProxy(broker.amqpPort)
  const destination = await startProxy(other.amqpPort)
  t.after(() => source.close())
  t.after(() => destination.close())
  const relay = await startRelay(t, {
    AMQP_URL: source.through(broker.amqpUrl),
    DEST_URL: destination.through(other.amqpUrl),
    EXCHANGE: 'reset',
    QUEUE_TOPIC: 'reset.q',
  })
  const ledger = await keepLedger(other.amqpUrl, 'reset.q')
  t.after(() => ledger.close())
  const published = publishIds(broker.amqpUrl, 'reset', 6000)
  for (const [index, proxy] of [source, destination, source, destination].entries()) {
    await until('under way', () => ledger.ids.length > 1000 * (index + 1))
    proxy.reset()
  }
  await published
  const account = await ledger.complete(6000)
  assert.equal(account.distinct, 6000)
  assert.ok(account.inOrder)
  assert.ok(account.duplicates <= 4 * 500, `${account.duplicates} duplicates`)
  assert.ok((await relay.metric('reconnects_total')) >= 4)
})

test('a destination that falls silent is left after the heartbeat, and nothing is lost', async (t) => {
  const destination = await startProxy(other.amqpPort)
  t.after(() => destination.close())
  const relay = await startRelay(t, {
    AMQP_URL: broker.amqpUrl,
    DEST_URL: destination.through(other.amqpUrl),
    EXCHANGE: 'hole',
    QUEUE_TOPIC: 'hole.q',
    HEARTBEAT_S: '1',
  })
  const ledger = await keepLedger(other.amqpUrl, 'hole.q')
  t.after(() => ledger.close())
  destination.mode = 'drop'
  await publishIds(broker.amqpUrl, 'hole', 1000)
  await until('noticed', async () => (await relay.metric('reconnects_total')) > 0)
  destination.mode = 'pass'
  assert.equal((await ledger.complete(1000)).distinct, 1000)
})

test("under the destination's alarm nothing is lost, and the relay says that it is not ready", async (t) => {
  const relay = await startRelay(t, {
    AMQP_URL: broker.amqpUrl,
    DEST_URL: other.amqpUrl,
    EXCHANGE: 'alarm',
    QUEUE_TOPIC: 'alarm.q',
  })
  const ledger = await keepLedger(other.amqpUrl, 'alarm.q')
  t.after(() => ledger.close())
  await other.alarm(true)
  await publishIds(broker.amqpUrl, 'alarm', 1000)
  await until('blocked', async () => (await relay.metric('blocked')) === 1)
  assert.match((await relay.readiness()).reasons.join(), /under alarm/)
  await other.alarm(false)
  const account = await ledger.complete(1000)
  assert.deepEqual(account, { distinct: 1000, duplicates: 0, inOrder: true })
  await until('ready', async () => (await relay.readiness()).status === 200)
})

test('a broker that is killed and started again loses nothing', async (t) => {
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'node', QUEUE_TOPIC: 'node.q' }
  const relay = await startRelay(t, settings)
  await saveQueues(broker)
  await publishIds(broker.amqpUrl, 'node', 3000)
  await broker.kill()
  await sleep(300)
  await broker.start()
  await until('ready', async () => (await relay.readiness()).status === 200, 30_000)
  const ledger = await keepLedger(broker.amqpUrl, 'node.q')
  t.after(() => ledger.close())
  await publishIds(broker.amqpUrl, 'node', 1000, { from: 3000 })
  const account = await ledger.complete(4000)
  assert.equal(account.distinct, 4000)
  assert.ok(account.inOrder)
})

test('a user that may not write to the destination is waited for', async (t) => {
  await other.ctl('add_user', 'reader', 'reader')
  await other.ctl('set_permissions', 'reader', '.*', 'none', '.*')
  const url = new URL(other.amqpUrl)
  url.username = 'reader'
  url.password = 'reader'
  const relay = await startRelay(t, {
    AMQP_URL: broker.amqpUrl,
    DEST_URL: url.href,
    EXCHANGE: 'rights',
    QUEUE_TOPIC: 'rights.q',
  })
  await publishIds(broker.amqpUrl, 'rights', 100)
  await relay.logged('publishing channel ended')
  await other.ctl('set_permissions', 'reader', '.*', '.*', '.*')
  const ledger = await keepLedger(other.amqpUrl, 'rights.q')
  t.after(() => ledger.close())
  assert.equal((await ledger.complete(100)).distinct, 100)
  assert.equal(await relay.metric('parked_total'), 0)
})
