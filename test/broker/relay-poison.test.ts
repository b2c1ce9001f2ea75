import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { joinProperties, PROPERTY, type RawProperties } from '#lib/amqp/raw-properties.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { keepLedger, publishIds } from '../support/ledger.ts'
import { type Observer, observe } from '../support/messages.ts'
import { openRaw, rawEntry, rawTable, sized } from '../support/raw.ts'
import { startRelay } from '../support/relay.ts'
import { until } from '../support/until.ts'

let broker: Broker
/** Takes no message over 1,000 bytes. */
let small: Broker
let observer: Observer

before(async () => {
  broker = await startBroker()
  small = await startBroker({ conf: ['max_message_size = 1000'] })
  observer = await observe(broker.amqpUrl)
})

after(async () => {
  await observer?.close()
  await small?.dispose()
  await broker?.dispose()
})

const HEADERS_IN_ONE_FRAME = 131_000

const bodyOf = (id: number) => Buffer.alloc(id % 25 === 7 ? 2000 : 100)

test('messages that alone make the broker close the channel are found and parked, no others', async (t) => {
  const relay = await startRelay(t, {
    AMQP_URL: broker.amqpUrl,
    DEST_URL: small.amqpUrl,
    EXCHANGE: 'large',
    QUEUE_TOPIC: 'large.q',
  })
  const ledger = await keepLedger(small.amqpUrl, 'large.q')
  t.after(() => ledger.close())
  for (let id = 0; id < 100; id += 1) {
    observer.channel.publish('large', 'key', bodyOf(id), { messageId: String(id) })
  }
  assert.equal((await ledger.complete(96)).distinct, 96)
  await until('parked', async () => (await relay.metric('parked_total')) === 4)
  const parked: string[] = []
  for (let index = 0; index < 4; index += 1) {
    const got = await observer.channel.get('relay.large.large.q.dead', { noAck: true })
    assert.ok(got !== false)
    const { headers = {}, messageId } = got.properties
    assert.equal(headers['x-relay-reason'], 'refused-by-broker')
    assert.match(headers['x-relay-error'], /message size 2000 is larger/)
    assert.equal(headers['x-relay-original-routing-key'], 'key')
    assert.equal(got.content.length, 2000)
    parked.push(messageId)
  }
  assert.deepEqual(parked, ['7', '32', '57', '82'])
  assert.equal(await observer.depth('relay.large.large.q'), 0)
})

test('what fits into no frame with its stamps is handed to the parking queue by the broker', async (t) => {
  const relay = await startRelay(t, {
    AMQP_URL: broker.amqpUrl,
    EXCHANGE: 'wide',
    QUEUE_TOPIC: 'wide.q',
  })
  const raw = await openRaw(t, broker.amqpUrl)
  const properties: RawProperties = []
  properties[PROPERTY.headers] = rawTable(
    rawEntry('wide', 'S', sized(Buffer.alloc(HEADERS_IN_ONE_FRAME))),
  )
  raw.publish('wide', '', joinProperties(properties), Buffer.from('wide'))
  await publishIds(broker.amqpUrl, 'wide', 10)
  await until('the others', async () => (await observer.depth('wide.q')) === 10)
  const dead = 'relay.wide.wide.q.dead'
  await until('dead-lettered', async () => (await observer.depth(dead)) === 1)
  assert.equal(await relay.metric('parked_total'), 1)
  assert.equal(await relay.metric('in_hand'), 0)
})

test('a message that goes in circles is parked', async (t) => {
  await startRelay(t, { AMQP_URL: broker.amqpUrl, EXCHANGE: 'round', QUEUE_TOPIC: 'round.q' })
  const headers = { 'x-relay-hops': 16 }
  observer.channel.publish('round', '', Buffer.from('it'), { headers })
  const dead = 'relay.round.round.q.dead'
  await until('parked', async () => (await observer.depth(dead)) === 1)
  assert.equal((await parkedHeaders(dead))['x-relay-reason'], 'too-many-hops')
})

/** A consumer that publishes what it gets to the exchange again, so many times, with all its headers. */
async function retryOver(exchange: string, queue: string, times: number): Promise<void> {
  let rounds = 0
  await observer.channel.consume(queue, (message) => {
    if (message === null) return
    rounds += 1
    observer.channel.ack(message)
    if (rounds > times) return
    const { headers } = message.properties
    observer.channel.publish(exchange, '', message.content, { headers })
  })
  observer.channel.publish(exchange, '', Buffer.from('it'))
  await until('all rounds', () => rounds > times)
}

test('a consumer may send a message over the exchange again more often, with MAX_HOPS', async (t) => {
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'back', QUEUE_TOPIC: 'back.q' }
  await startRelay(t, { ...settings, MAX_HOPS: '40' })
  await retryOver('back', 'back.q', 30)
  assert.equal(await observer.depth('relay.back.back.q.dead'), 0)
})

/** RabbitMQ 4 says when it was rejected last, to the second: sixteen rounds take longer. */
const ROUND_MS = 100

test('a retry by way of a dead-letter exchange counts as no hop, however often', async (t) => {
  const retry = { 'x-dead-letter-exchange': 'dlx', 'x-dead-letter-routing-key': '' }
  await observer.channel.assertQueue('dlx.q', { durable: true, arguments: retry })
  await startRelay(t, { AMQP_URL: broker.amqpUrl, EXCHANGE: 'dlx', QUEUE_TOPIC: 'dlx.q' })
  let rounds = 0
  await observer.channel.consume('dlx.q', (message) => {
    if (message === null) return
    rounds += 1
    const settle = () => observer.channel.nack(message, false, false)
    if (rounds > 30) observer.channel.ack(message)
    else setTimeout(settle, ROUND_MS)
  })
  observer.channel.publish('dlx', '', Buffer.from('it'))
  await until('all rounds', () => rounds > 30, 60_000)
  assert.equal(await observer.depth('relay.dlx.dlx.q.dead'), 0)
})

test('a malformed x-death goes on under another name, and does not keep a message from being parked', async (t) => {
  await observer.channel.assertExchange('death.to', 'topic', { durable: true })
  await observer.channel.assertQueue('death.q', { durable: true })
  await observer.channel.bindQueue('death.q', 'death.to', 'good')
  await startRelay(t, {
    AMQP_URL: broker.amqpUrl,
    EXCHANGE: 'death',
    DEST_EXCHANGE: 'death.to',
    ON_MISSING: 'park',
  })
  for (const key of ['good', 'odd']) {
    observer.channel.publish('death', key, Buffer.from('it'), { headers: { 'x-death': ['a'] } })
  }
  for (const queue of ['death.q', 'relay.death.death.to.dead']) {
    await until(queue, async () => (await observer.depth(queue)) === 1)
    const headers = await parkedHeaders(queue)
    assert.equal(headers['x-death'], undefined)
    assert.deepEqual(headers['x-relay-original-death'], ['a'])
  }
})

async function parkedHeaders(queue: string) {
  const got = await observer.channel.get(queue, { noAck: true })
  assert.ok(got !== false)
  return got.properties.headers ?? {}
}

/** Takes everything from a queue and gives it back by ending the channel, as a crash does. */
async function crashOver(queue: string, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    const other = await observe(broker.amqpUrl)
    const total = await other.depth(queue)
    let taken = 0
    await other.channel.consume(queue, () => {
      taken += 1
    })
    await until(`crash ${time}`, () => taken >= total)
    await other.close()
  }
}

test('after several crashes messages are taken one at a time, and all get through', async (t) => {
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'crash', QUEUE_TOPIC: 'crash.q' }
  const before = await startRelay(t, settings)
  await before.child.stop()
  await publishIds(broker.amqpUrl, 'crash', 50)
  await crashOver('relay.crash.crash.q', 5)
  const relay = await startRelay(t, settings)
  const ended = await relay.logged('session ended')
  assert.equal(ended['why'], 'isolating')
  const ledger = await keepLedger(broker.amqpUrl, 'crash.q')
  t.after(() => ledger.close())
  await publishIds(broker.amqpUrl, 'crash', 50, { from: 50 })
  assert.deepEqual(await ledger.complete(100), { distinct: 100, duplicates: 0, inOrder: true })
  assert.equal(await observer.depth('relay.crash.crash.q.dead'), 0)
})

test('a message that ends its consumer again and again is parked by the broker', async (t) => {
  const relay = await startRelay(t, {
    AMQP_URL: broker.amqpUrl,
    EXCHANGE: 'limit',
    QUEUE_TOPIC: 'limit.q',
    DELIVERY_LIMIT: '2',
  })
  await relay.child.stop()
  await publishIds(broker.amqpUrl, 'limit', 1)
  await crashOver('relay.limit.limit.q', 3)
  const dead = 'relay.limit.limit.q.dead'
  await until('dead-lettered', async () => (await observer.depth(dead)) === 1)
  assert.equal((await parkedHeaders(dead))['x-death']?.[0]?.reason, 'delivery_limit')
})
