import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Broker, startBroker } from '../support/broker.ts'
import { keepLedger, publishIds } from '../support/ledger.ts'
import { type Observer, observe } from '../support/messages.ts'
import { startProxy } from '../support/proxy.ts'
import { type RelayProcess, startRelay } from '../support/relay.ts'
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

/** Holds that last no minute, as for a destination that is often away. */
const SHORT_HOLDS = { HOLD_MS: '400', HOLD_CHECK_MS: '200', HOLD_PAUSE_MS: '800' }

const heldTimes = ({ lines }: RelayProcess) =>
  lines.filter(({ message, why }) => message === 'session ended' && why === 'held').length

test('a destination that is deleted is declared again and gets all that comes after', async (t) => {
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'gone', QUEUE_TOPIC: 'gone.q' }
  const relay = await startRelay(t, settings)
  await publishIds(broker.amqpUrl, 'gone', 100)
  await until('100 in the queue', async () => (await observer.depth('gone.q')) === 100)
  const { messageCount } = await observer.channel.deleteQueue('gone.q')
  assert.equal(messageCount, 100)
  await publishIds(broker.amqpUrl, 'gone', 1000, { from: 100 })
  await relay.logged('the destination was missing and was declared again')
  const ledger = await keepLedger(broker.amqpUrl, 'gone.q')
  t.after(() => ledger.close())
  const account = await ledger.complete(1000)
  assert.deepEqual(account.distinct, 1000)
  assert.ok((await relay.metric('returned_total')) > 0)
  assert.equal(await observer.depth('relay.gone.gone.q.dead'), 0)
})

test('a destination that is gone when the broker is back is declared before a message comes', async (t) => {
  const proxy = await startProxy(broker.amqpPort)
  t.after(() => proxy.close())
  const relay = await startRelay(t, {
    AMQP_URL: broker.amqpUrl,
    DEST_URL: proxy.through(broker.amqpUrl),
    EXCHANGE: 'forgotten',
    QUEUE_TOPIC: 'forgotten.q',
  })
  await observer.channel.deleteQueue('forgotten.q')
  proxy.reset()
  await relay.logged('the destination was missing and was declared again')
  assert.equal(await observer.depth('forgotten.q'), 0)
})

test('the destination is declared first: what is declared last a killed broker may forget', async (t) => {
  const url = new URL(broker.amqpUrl)
  url.username = 'first'
  url.password = 'first'
  await broker.ctl('add_user', 'first', 'first')
  await broker.ctl('set_permissions', 'first', '^first\\.q$', '.*', '.*')
  const settings = { AMQP_URL: url.href, EXCHANGE: 'first', QUEUE_TOPIC: 'first.q' }
  const isRefused = (line: string) => line.includes('cannot start yet')
  await startRelay(t, settings, isRefused)
  assert.equal(await observer.depth('first.q'), 0)
})

test("another owner's destination that is deleted is waited for, not declared", async (t) => {
  const owned = { durable: true, arguments: { 'x-max-priority': 5 } }
  await observer.channel.assertQueue('owned.q', owned)
  const relay = await startRelay(t, {
    AMQP_URL: broker.amqpUrl,
    EXCHANGE: 'owned',
    QUEUE_TOPIC: 'owned.q',
    ...SHORT_HOLDS,
  })
  const { mismatch } = await relay.logged('adopted as found, not as configured')
  assert.match(String(mismatch), /owned\.q.*x-max-priority/)
  assert.equal(await relay.metric('topology_mismatches'), 1)
  await observer.channel.deleteQueue('owned.q')
  await publishIds(broker.amqpUrl, 'owned', 300)
  await until('a hold', () => heldTimes(relay) === 1)
  const { status, reasons } = await relay.readiness()
  assert.equal(status, 503)
  assert.match(reasons.join(), /takes no messages \(unroutable\)/)
  await observer.channel.assertQueue('owned.q', owned)
  const ledger = await keepLedger(broker.amqpUrl, 'owned.q')
  t.after(() => ledger.close())
  assert.equal((await ledger.complete(300)).distinct, 300)
  assert.equal(await observer.depth('relay.owned.owned.q.dead'), 0)
  await until('ready again', async () => (await relay.readiness()).status === 200)
})

test('a quorum queue whose limit was lifted gets the rest without a hold, though it refuses old channels', async (t) => {
  await observer.channel.assertQueue('lifted.q', { arguments: { 'x-queue-type': 'quorum' } })
  const limit = JSON.stringify({ 'max-length': 0, overflow: 'reject-publish' })
  await broker.ctl('set_policy', '--apply-to', 'queues', 'lifted', '^lifted\\.q$', limit)
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'lifted', QUEUE_TOPIC: 'lifted.q' }
  const relay = await startRelay(t, settings)
  await publishIds(broker.amqpUrl, 'lifted', 500)
  await until('refusals', async () => (await relay.metric('nacked_total')) > 2)
  await broker.ctl('clear_policy', 'lifted')
  const ledger = await keepLedger(broker.amqpUrl, 'lifted.q')
  t.after(() => ledger.close())
  const account = await ledger.complete(500)
  assert.equal(account.distinct, 500)
  assert.equal(heldTimes(relay), 0)
})

test('a destination that is full for several holds gets everything afterwards', async (t) => {
  const limited = { 'x-max-length': 10, 'x-overflow': 'reject-publish' }
  await observer.channel.assertQueue('full.q', { durable: true, arguments: limited })
  const relay = await startRelay(t, {
    AMQP_URL: broker.amqpUrl,
    EXCHANGE: 'full',
    QUEUE_TOPIC: 'full.q',
    ...SHORT_HOLDS,
  })
  await publishIds(broker.amqpUrl, 'full', 500)
  await until('three holds', () => heldTimes(relay) >= 3, 20_000)
  assert.ok((await relay.metric('nacked_total')) > 0)
  assert.ok((await relay.metric('held_seconds_total')) > 0)
  const ledger = await keepLedger(broker.amqpUrl, 'full.q')
  t.after(() => ledger.close())
  const { distinct, duplicates } = await ledger.complete(500)
  assert.deepEqual([distinct, duplicates], [500, 0])
  assert.equal(await observer.depth('relay.full.full.q.dead'), 0)
  assert.equal(await relay.metric('parked_total'), 0)
})

test('a full queue with reject-publish-dlx dead-letters a copy of each try, and then gets the message', async (t) => {
  await observer.channel.assertQueue('copies.dlx', { durable: true })
  await observer.channel.assertQueue('copies.q', {
    durable: true,
    arguments: {
      'x-max-length': 1,
      'x-overflow': 'reject-publish-dlx',
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'copies.dlx',
    },
  })
  observer.channel.sendToQueue('copies.q', Buffer.from('full'))
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'copies', QUEUE_TOPIC: 'copies.q' }
  const relay = await startRelay(t, settings)
  await publishIds(broker.amqpUrl, 'copies', 1)
  await until('tries', async () => (await relay.metric('nacked_total')) === 4)
  assert.equal(await observer.depth('copies.dlx'), 4)
  await observer.channel.purgeQueue('copies.q')
  await until('the message', async () => (await observer.depth('copies.q')) === 1)
})

test('with ORDER=strict nothing overtakes, even when the destination refuses', async (t) => {
  const limited = { 'x-max-length': 5, 'x-overflow': 'reject-publish' }
  await observer.channel.assertQueue('strict.q', { durable: true, arguments: limited })
  const relay = await startRelay(t, {
    AMQP_URL: broker.amqpUrl,
    EXCHANGE: 'strict',
    QUEUE_TOPIC: 'strict.q',
    ORDER: 'strict',
  })
  await publishIds(broker.amqpUrl, 'strict', 200)
  await until('refusals', async () => (await relay.metric('nacked_total')) > 2)
  const ledger = await keepLedger(broker.amqpUrl, 'strict.q')
  t.after(() => ledger.close())
  assert.deepEqual(await ledger.complete(200), { distinct: 200, duplicates: 0, inOrder: true })
})

test('with ON_MISSING=park what no queue takes is parked with its reason', async (t) => {
  await observer.channel.assertExchange('park.to', 'direct', { durable: true })
  await observer.channel.assertQueue('park.q', { durable: true })
  await observer.channel.bindQueue('park.q', 'park.to', 'known')
  const relay = await startRelay(t, {
    AMQP_URL: broker.amqpUrl,
    EXCHANGE: 'park',
    DEST_EXCHANGE: 'park.to',
    ON_MISSING: 'park',
  })
  for (const key of ['known', 'unknown', 'known']) {
    observer.channel.publish('park', key, Buffer.from(key), {
      messageId: key,
      expiration: '900000',
    })
  }
  const dead = 'relay.park.park.to.dead'
  await until('two through, one parked', async () => {
    return (await observer.depth('park.q')) === 2 && (await observer.depth(dead)) === 1
  })
  const parked = await observer.channel.get(dead, { noAck: true })
  assert.ok(parked !== false)
  assert.equal(parked.content.toString(), 'unknown')
  assert.equal(parked.properties.expiration, undefined)
  const headers = parked.properties.headers ?? {}
  assert.equal(headers['x-relay-reason'], 'unroutable')
  assert.equal(headers['x-relay-original-exchange'], 'park')
  assert.equal(headers['x-relay-original-routing-key'], 'unknown')
  assert.equal(headers['x-relay-original-expiration'], '900000')
  assert.equal(await relay.metric('parked_total'), 1)
})
