import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  joinProperties,
  octet,
  PROPERTY,
  type RawProperties,
  shortString,
  shortStringText,
  splitProperties,
} from '#lib/amqp/raw-properties.ts'
import { editTable, integerOf, splitTable, textOf } from '#lib/amqp/raw-table.ts'
import { textFrom } from '#lib/amqp/raw-text.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { type Observer, observe } from '../support/messages.ts'
import { openRaw, rawEntry, rawTable, sized } from '../support/raw.ts'
import { startRelay } from '../support/relay.ts'
import { relayCommand } from '../support/relay-command.ts'
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

const int64 = (value: bigint) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}

const float32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatBE(value)
  return bytes
}

/** One entry of every type that RabbitMQ knows, with values that a careless decoder changes. */
const EVERY_TYPE = [
  rawEntry('beyond-2-53', 'l', int64(9_007_199_254_740_993n)),
  rawEntry('small-int64', 'l', int64(1n)),
  rawEntry('int8', 'b', Buffer.from([0xff])),
  rawEntry('uint8', 'B', Buffer.from([0xff])),
  rawEntry('int16', 's', Buffer.from([0, 1])),
  rawEntry('uint16', 'u', Buffer.from([0xff, 0xff])),
  rawEntry('int32', 'I', Buffer.from([0, 0, 0, 1])),
  rawEntry('uint32', 'i', Buffer.from([0xff, 0xff, 0xff, 0xff])),
  rawEntry('float32', 'f', float32(1.1)),
  rawEntry('whole-double', 'd', Buffer.from('4008000000000000', 'hex')),
  rawEntry('decimal', 'D', Buffer.from([2, 0, 0, 1, 0])),
  rawEntry('timestamp', 'T', int64(1_700_000_000n)),
  rawEntry('text', 'S', sized('grüße')),
  rawEntry('not-utf8', 'S', sized(Buffer.from([0xff, 0xfe, 0]))),
  rawEntry('bytes', 'x', sized(Buffer.from([0, 1, 2]))),
  rawEntry('yes', 't', Buffer.from([1])),
  rawEntry('nothing', 'V', Buffer.alloc(0)),
  rawEntry('array', 'A', sized(Buffer.concat([Buffer.from('l'), int64(2n ** 60n)]))),
  rawEntry('table', 'F', rawTable(rawEntry('inner', 'f', float32(3.5)))),
]

const ALL_PROPERTIES: RawProperties = [
  shortString('text/plain; charset=iso-8859-1'),
  shortString('gzip'),
  rawTable(...EVERY_TYPE),
  octet(2),
  octet(9),
  shortString('correlation'),
  shortString('reply.to'),
  shortString('900000'),
  shortString('message-id'),
  int64(1_700_000_000n),
  shortString('type'),
  undefined,
  shortString('app'),
  shortString('cluster'),
]

/** What a relay adds. */
const ADDED = ['x-relay-original-exchange', 'x-relay-original-routing-key', 'x-relay-hops']

const headersOf = (properties: Buffer) =>
  splitTable(splitProperties(properties)[PROPERTY.headers] as Buffer)

const RANDOM = Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 197) % 256))

test('body, properties and headers arrive to the byte and the type', async (t) => {
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'exact', QUEUE_TOPIC: 'exact.q' }
  await startRelay(t, settings)
  await observer.bind('exact', 'exact.plain', { 'x-queue-type': 'quorum' })
  const raw = await openRaw(t, broker.amqpUrl)
  const bodies = [RANDOM, Buffer.alloc(0), Buffer.alloc(300_000, RANDOM)]
  for (const body of bodies) raw.publish('exact', 'a.key', joinProperties(ALL_PROPERTIES), body)
  const plain = await raw.take('exact.plain', bodies.length)
  const arrived = await raw.take('exact.q', bodies.length)
  for (const [index, { properties, body }] of arrived.entries()) {
    assert.ok(body.equals(bodies[index] as Buffer), `body ${index}`)
    const headers = headersOf(properties)
    const kept = headers.filter(({ name }) => !ADDED.includes(name)).map(({ bytes }) => bytes)
    // RabbitMQ 4 itself sorts the headers in its queues.
    assert.deepEqual(kept.toSorted(Buffer.compare), EVERY_TYPE.toSorted(Buffer.compare))
    const without = headersOf((plain[index] as (typeof plain)[number]).properties)
    assert.deepEqual(
      kept,
      without.map(({ bytes }) => bytes),
      'as without a relay',
    )
    assert.equal(headers.length, EVERY_TYPE.length + ADDED.length)
    const split = splitProperties(properties)
    split[PROPERTY.headers] = ALL_PROPERTIES[PROPERTY.headers]
    assert.deepEqual(split, ALL_PROPERTIES)
  }
})

test('a header of a type that the client library does not know passes', async (t) => {
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'odd', QUEUE_TOPIC: 'odd.q' }
  await startRelay(t, settings)
  const raw = await openRaw(t, broker.amqpUrl)
  const properties: RawProperties = []
  properties[PROPERTY.headers] = rawTable(rawEntry('odd', 'L', int64(7n)))
  raw.publish('odd', '', joinProperties(properties), Buffer.from('first'))
  raw.publish('odd', '', joinProperties([]), Buffer.from('second'))
  const [first, second] = await raw.take('odd.q', 2)
  const headers = splitProperties(first?.properties as Buffer)[PROPERTY.headers] as Buffer
  // RabbitMQ itself turns the tag into that of a signed int64 on its way.
  assert.deepEqual(splitTable(headers)[0]?.value.subarray(1), int64(7n))
  assert.equal(String(second?.body), 'second')
})

test('user_id and CC do not stop or reroute the copy; both are kept', async (t) => {
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'user', QUEUE_TOPIC: 'user.q' }
  await startRelay(t, settings)
  await observer.channel.assertQueue('victim', { durable: true })
  observer.channel.publish('user', '', Buffer.from('it'), {
    userId: broker.user,
    CC: ['victim'],
    headers: { kept: true },
  })
  await until('the copy', async () => (await observer.depth('user.q')) === 1)
  const got = await observer.channel.get('user.q', { noAck: true })
  assert.ok(got !== false)
  assert.equal(got.properties.userId, undefined)
  const { headers = {} } = got.properties
  assert.equal(headers['x-relay-original-user-id'], broker.user)
  assert.deepEqual(headers['x-relay-original-cc'], ['victim'])
  assert.equal(headers['CC'], undefined)
  assert.equal(headers['kept'], true)
  assert.equal(await observer.depth('user.q'), 0, 'delivered once')
  assert.equal(await observer.depth('victim'), 0, 'nowhere else')
})

test('a transient message becomes persistent, and its time to live goes on', async (t) => {
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'ttl', QUEUE_TOPIC: 'ttl.q' }
  await startRelay(t, settings)
  const raw = await openRaw(t, broker.amqpUrl)
  const at = Date.now() - 100_000
  const properties: RawProperties = []
  properties[PROPERTY.headers] = rawTable(rawEntry('x-warren-at', 'l', int64(BigInt(at))))
  properties[PROPERTY.deliveryMode] = octet(1)
  properties[PROPERTY.expiration] = shortString('900000')
  raw.publish('ttl', '', joinProperties(properties), Buffer.from('it'))
  const [arrived] = await raw.take('ttl.q', 1)
  const split = splitProperties(arrived?.properties as Buffer)
  assert.deepEqual(split[PROPERTY.deliveryMode], octet(2))
  const left = Number(shortStringText(split[PROPERTY.expiration] as Buffer))
  assert.ok(left > 700_000 && left <= 800_000, `${left} ms left`)
  const restamped = integerOf(editTable(split[PROPERTY.headers]).get('x-warren-at') as Buffer)
  assert.ok(Number(restamped) > at)
})

test('with clocks apart a message that did not expire is in the queue, and has time left', async (t) => {
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'apart', QUEUE_TOPIC: 'apart.q' }
  await startRelay(t, settings)
  const raw = await openRaw(t, broker.amqpUrl)
  const properties: RawProperties = []
  const at = Date.now() - 3_600_000
  properties[PROPERTY.headers] = rawTable(rawEntry('x-warren-at', 'l', int64(BigInt(at))))
  properties[PROPERTY.expiration] = shortString('60000')
  raw.publish('apart', '', joinProperties(properties), Buffer.from('it'))
  await until('the copy', async () => (await observer.depth('apart.q')) === 1)
  const [arrived] = await raw.take('apart.q', 1)
  const expiration = splitProperties(arrived?.properties as Buffer)[PROPERTY.expiration] as Buffer
  assert.ok(Number(shortStringText(expiration)) > 50_000, shortStringText(expiration))
})

test('what expires in the hands of a relay is in the parking queue, and not counted as parked', async (t) => {
  const full = { durable: true, arguments: { 'x-max-length': 0, 'x-overflow': 'reject-publish' } }
  await observer.channel.assertQueue('over.q', full)
  const relay = await startRelay(t, {
    AMQP_URL: broker.amqpUrl,
    EXCHANGE: 'over',
    QUEUE_TOPIC: 'over.q',
  })
  const headers = { 'x-warren-at': Date.now() }
  observer.channel.publish('over', '', Buffer.from('it'), { expiration: '1500', headers })
  const dead = 'relay.over.over.q.dead'
  await until('in the parking queue', async () => (await observer.depth(dead)) === 1)
  const got = await observer.channel.get(dead, { noAck: true })
  assert.ok(got !== false)
  assert.equal(got.properties.headers?.['x-relay-reason'], 'expired')
  assert.equal(await relay.metric('expired_total'), 1)
  assert.equal(await relay.metric('parked_total'), 0)
})

/** ISO 8859-1, and no UTF-8. */
const ODD_KEY = textFrom(Buffer.from('eu.gr\xfc\xdfe', 'latin1'))

test('a routing key that is not UTF-8 stays what it is: copied, parked, and replayed', async (t) => {
  await observer.channel.assertExchange('odd-key.to', 'fanout', { durable: true })
  await observer.channel.assertQueue('odd-key.q', { durable: true })
  const settings = {
    AMQP_URL: broker.amqpUrl,
    EXCHANGE: 'odd-key',
    DEST_EXCHANGE: 'odd-key.to',
    ON_MISSING: 'park',
  }
  const relay = await startRelay(t, settings)
  const raw = await openRaw(t, broker.amqpUrl)
  const bodies = [Buffer.from('small'), Buffer.alloc(300_000, RANDOM)]
  for (const body of bodies) raw.publish('odd-key', ODD_KEY, joinProperties([]), body)
  await until('both parked', async () => (await relay.metric('parked_total')) === 2)
  await observer.channel.bindQueue('odd-key.q', 'odd-key.to', '')
  const { code } = await relayCommand(settings, 'replay')
  assert.equal(code, 0)
  for (const body of bodies) raw.publish('odd-key', ODD_KEY, joinProperties([]), body)
  const arrived = await raw.take('odd-key.q', 4)
  for (const { routingKey, properties } of arrived) {
    assert.equal(routingKey, ODD_KEY)
    const headers = editTable(splitProperties(properties)[PROPERTY.headers])
    const stamp = headers.get('x-relay-original-routing-key') as Buffer
    assert.equal(textOf(stamp), ODD_KEY)
  }
  const sizes = arrived.map(({ body }) => body.length)
  assert.deepEqual(sizes, [5, 300_000, 5, 300_000])
})

test('what expires in staging goes to the parking queue by the broker, not counted as parked', async (t) => {
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'late', QUEUE_TOPIC: 'late.q' }
  const relay = await startRelay(t, settings)
  await relay.child.stop()
  observer.channel.publish('late', '', Buffer.from('it'), { expiration: '50' })
  const dead = 'relay.late.late.q.dead'
  await until('dead-lettered', async () => (await observer.depth(dead)) === 1)
  const got = await observer.channel.get(dead, { noAck: true })
  assert.ok(got !== false)
  assert.equal(got.properties.headers?.['x-death']?.[0]?.reason, 'expired')
})

test('a redelivered message says so', async (t) => {
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'again', QUEUE_TOPIC: 'again.q' }
  const relay = await startRelay(t, settings)
  await relay.child.stop()
  await observer.channel.sendToQueue('relay.again.again.q', Buffer.from('it'))
  const staging = 'relay.again.again.q'
  const other = await observe(broker.amqpUrl)
  await other.channel.consume(staging, () => {})
  await until('taken', async () => (await observer.depth(staging)) === 0)
  await other.close() // gives it back
  await startRelay(t, settings)
  const raw = await openRaw(t, broker.amqpUrl)
  const [arrived] = await raw.take('again.q', 1)
  const headers = editTable(splitProperties(arrived?.properties as Buffer)[PROPERTY.headers])
  assert.deepEqual(headers.get('x-relay-redelivered'), Buffer.from([0x74, 1]))
  assert.equal(headers.get('x-delivery-count'), undefined)
  assert.equal(textOf(headers.get('x-relay-original-exchange') as Buffer), '')
})
