import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Broker, startBroker } from '../support/broker.ts'
import { keepLedger, publishIds } from '../support/ledger.ts'
import { type Observer, observe } from '../support/messages.ts'
import { startRelay } from '../support/relay.ts'
import { until } from '../support/until.ts'

let broker: Broker
let observer: Observer

before(async () => {
  broker = await startBroker()
  observer = await observe(broker.amqpUrl)
})

after(async () => {
  await observer?.close()
  await broker?.dispose()
})

const CHECKS = { TOPOLOGY_CHECK_MS: '500' }

test('an exchange that is deleted, or made again, is bound again', async (t) => {
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'lost', QUEUE_TOPIC: 'lost.q', ...CHECKS }
  const relay = await startRelay(t, settings)
  await observer.channel.deleteExchange('lost')
  await relay.logged('what was missing was declared and bound again')
  await publishIds(broker.amqpUrl, 'lost', 10)
  await until('10 copies', async () => (await observer.depth('lost.q')) === 10)
  await observer.channel.deleteExchange('lost')
  await observer.channel.assertExchange('lost', 'fanout', { durable: true })
  await until('bound again', async () => {
    observer.channel.publish('lost', '', Buffer.from('probe'))
    return (await observer.depth('lost.q')) > 10
  })
  assert.ok((await relay.metric('restored_total')) > 0)
})

test('a staging queue that is deleted is made again, and the relay goes on', async (t) => {
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'cut', QUEUE_TOPIC: 'cut.q' }
  const relay = await startRelay(t, settings)
  const ledger = await keepLedger(broker.amqpUrl, 'cut.q')
  t.after(() => ledger.close())
  await publishIds(broker.amqpUrl, 'cut', 100)
  assert.equal((await ledger.complete(100)).distinct, 100)
  await observer.channel.deleteQueue('relay.cut.cut.q')
  await relay.logged('what was missing was declared and bound again')
  await publishIds(broker.amqpUrl, 'cut', 100, { from: 100 })
  assert.equal((await ledger.complete(200)).distinct, 200)
  assert.equal((await relay.readiness()).status, 200)
})

test("an installation of the predecessor's is adopted with a warning and works", async (t) => {
  await observer.channel.assertExchange('exchange', 'fanout', { durable: false })
  await observer.channel.assertQueue('topic1', { durable: true, autoDelete: true })
  const relay = await startRelay(t, {
    RABBIT_HOST: '127.0.0.1',
    RABBIT_PORT: String(broker.amqpPort),
    RABBIT_USER: broker.user,
    RABBIT_PASS: broker.pass,
    EXCHANGE: 'exchange',
    QUEUE_TOPIC: 'topic1',
    QUEUE_DURABLE: '1',
    QUEUE_AUTO_DELETE: '0',
  })
  const warnings = relay.lines.flatMap(({ mismatch }) => (mismatch ? [String(mismatch)] : []))
  assert.match(warnings.join('\n'), /exchange exchange: .*durable/)
  assert.match(warnings.join('\n'), /queue topic1: .*auto_delete/)
  await publishIds(broker.amqpUrl, 'exchange', 10)
  await until('10 copies', async () => (await observer.depth('topic1')) === 10)
  assert.equal((await relay.readiness()).status, 200)
})

test('with TOPOLOGY=strict every difference ends the start', async (t) => {
  await observer.channel.assertExchange('other', 'topic', { durable: true })
  await observer.channel.assertQueue('other.q', { durable: true, arguments: { 'x-expires': 1e6 } })
  const start = startRelay(t, {
    AMQP_URL: broker.amqpUrl,
    EXCHANGE: 'other',
    QUEUE_TOPIC: 'other.q',
    TOPOLOGY: 'strict',
  })
  await assert.rejects(start, (error: Error) => {
    assert.match(error.message, /exit code 2/)
    assert.match(error.message, /TOPOLOGY=strict refuses the exchange other: .*'type'/)
    assert.match(error.message, /TOPOLOGY=strict refuses the queue other\.q: .*x-expires/)
    return true
  })
})

test('an adopted topic exchange is bound for every routing key, or for the one that is set', async (t) => {
  await observer.channel.assertExchange('by.topic', 'topic', { durable: true })
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'by.topic' }
  await startRelay(t, { ...settings, QUEUE_TOPIC: 'topic.all' })
  await startRelay(t, { ...settings, QUEUE_TOPIC: 'topic.eu', BINDING_KEY: 'eu.#' })
  for (const key of ['eu.new', 'us.new']) {
    observer.channel.publish('by.topic', key, Buffer.from(key))
  }
  await until('both', async () => (await observer.depth('topic.all')) === 2)
  await until('one', async () => (await observer.depth('topic.eu')) === 1)
})

test('a headers exchange is filtered by the binding arguments', async (t) => {
  await startRelay(t, {
    AMQP_URL: broker.amqpUrl,
    EXCHANGE: 'by.headers',
    EXCHANGE_TYPE: 'headers',
    BINDING_ARGUMENTS: '{"x-match":"all","region":"eu"}',
    QUEUE_TOPIC: 'headers.eu',
  })
  for (const region of ['us', 'eu']) {
    observer.channel.publish('by.headers', '', Buffer.from(region), { headers: { region } })
  }
  await until('one', async () => (await observer.depth('headers.eu')) === 1)
  const got = await observer.channel.get('headers.eu', { noAck: true })
  assert.equal(got !== false && String(got.content), 'eu')
})

test('RELAY_MODE=bind declares, binds, and binds again what was taken away', async (t) => {
  const relay = await startRelay(t, {
    AMQP_URL: broker.amqpUrl,
    EXCHANGE: 'bound',
    QUEUE_TOPIC: 'bound.q',
    RELAY_MODE: 'bind',
    ...CHECKS,
  })
  await publishIds(broker.amqpUrl, 'bound', 10)
  assert.equal(await observer.depth('bound.q'), 10)
  await observer.channel.deleteExchange('bound')
  await observer.channel.deleteQueue('bound.q')
  const { restored } = await relay.logged('what was missing was declared and bound again')
  assert.deepEqual(restored, ['bound', 'bound.q'])
  await publishIds(broker.amqpUrl, 'bound', 10)
  assert.equal(await observer.depth('bound.q'), 10)
  assert.equal((await relay.readiness()).status, 200)
})

test('the exchange for the canary of publishers is there once a relay has started', async (t) => {
  await startRelay(t, { AMQP_URL: broker.amqpUrl, EXCHANGE: 'sing', QUEUE_TOPIC: 'sing.q' })
  await observer.channel.checkExchange('warren.canary')
})
