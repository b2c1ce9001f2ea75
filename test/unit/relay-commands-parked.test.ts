import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Delivery } from '#lib/amqp/consumer.ts'
import {
  joinProperties,
  PROPERTY,
  type RawProperties,
  shortString,
  shortStringText,
  splitProperties,
} from '#lib/amqp/raw-properties.ts'
import { editTable, integerOf, textOf } from '#lib/amqp/raw-table.ts'
import { fits, readParked } from '#relay/commands/parked.ts'
import { rawEntry, rawTable, sized } from '../support/raw.ts'

const NOW = 1_700_000_000_000

const int64 = (value: number) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}

const text = (name: string, value: string) => rawEntry(name, 'S', sized(value))
const whole = (name: string, value: number) => rawEntry(name, 'l', int64(value))

const array = (...items: readonly Buffer[]) => sized(Buffer.concat(items))
const longString = (value: string) => Buffer.concat([Buffer.from('S'), sized(value)])

/** An entry of x-death as RabbitMQ writes it. */
const death = (reason: string, routingKey: string, ...more: readonly Buffer[]) =>
  Buffer.concat([
    Buffer.from('F'),
    rawTable(
      whole('count', 1),
      text('reason', reason),
      text('queue', 'staging'),
      rawEntry('time', 'T', int64(NOW / 1000)),
      text('exchange', 'orders'),
      rawEntry('routing-keys', 'A', array(longString(routingKey), longString('a CC'))),
      ...more,
    ),
  ])

function parked(headers: readonly Buffer[], more: RawProperties = []): Delivery {
  const properties = [...more]
  properties[PROPERTY.headers] = rawTable(...headers)
  return {
    deliveryTag: 1,
    redelivered: false,
    exchange: '',
    routingKey: 'staging.dead',
    properties: joinProperties(properties),
    body: Buffer.alloc(0),
  }
}

/** The properties for the staging queue, taken apart. */
function replayed(delivery: Delivery, nowMs = NOW) {
  const properties = splitProperties(readParked(delivery).properties(nowMs))
  const headers = editTable(properties[PROPERTY.headers])
  const expiration = properties[PROPERTY.expiration]
  return {
    text: (name: string) => textOf(headers.get(name) ?? Buffer.alloc(1)),
    whole: (name: string) => integerOf(headers.get(name) ?? Buffer.alloc(1)),
    expiration: expiration && shortStringText(expiration),
  }
}

test('the latest of several deaths gives reason, time and origin', () => {
  const deaths = array(death('delivery_limit', 'eu.new'), death('expired', 'older'))
  const message = readParked(parked([rawEntry('x-death', 'A', deaths)]))
  assert.equal(message.reason, 'delivery_limit')
  assert.equal(message.parkedAt, NOW)
  assert.equal(message.exchange, 'orders')
  assert.equal(message.routingKey, 'eu.new')
})

test('the key with which it came into this exchange counts, the origin stays that of the first', () => {
  const stamps = [
    text('x-relay-original-exchange', 'first'),
    text('x-relay-original-routing-key', 'one'),
  ]
  const deaths = array(death('rejected', 'two'))
  const message = readParked(parked([...stamps, rawEntry('x-death', 'A', deaths)]))
  assert.deepEqual([message.exchange, message.routingKey], ['first', 'two'])
})

test('the relay’s own reason goes before an older one of the broker', () => {
  const deaths = rawEntry('x-death', 'A', array(death('delivery_limit', 'k')))
  const message = readParked(parked([text('x-relay-reason', 'unroutable'), deaths]))
  assert.equal(message.reason, 'unroutable')
})

test('for what the relay parked nothing counts that a broker noted in an earlier life', () => {
  const retried = death('expired', 'retry.key', text('original-expiration', '5000'))
  const message = readParked(
    parked([
      text('x-relay-reason', 'unroutable'),
      whole('x-relay-parked-at', NOW - 1000),
      text('x-relay-original-exchange', 'orders'),
      text('x-relay-original-routing-key', 'eu.new'),
      rawEntry('x-death', 'A', array(retried)),
    ]),
  )
  assert.equal(message.expiresAt, undefined)
  assert.deepEqual([message.exchange, message.routingKey], ['orders', 'eu.new'])
  assert.equal(message.parkedAt, NOW - 1000)
})

test('what an earlier relay parked is understood', () => {
  const headers = [
    text('x-original-exchange', 'orders'),
    text('x-original-routing-key', 'eu.new'),
    text('x-original-expiration', '60000'),
    text('x-relay-reason', 'unroutable'),
    whole('x-relay-parked-at', NOW - 1000),
  ]
  const message = readParked(parked(headers))
  assert.deepEqual([message.exchange, message.routingKey], ['orders', 'eu.new'])
  const again = replayed(parked(headers))
  assert.equal(again.expiration, '59000')
  assert.equal(again.text('x-original-expiration'), undefined)
  assert.equal(again.text('x-relay-original-routing-key'), 'eu.new')
})

test('what somebody else put there has no reason, no time and no end', () => {
  const { reason, parkedAt, expiresAt } = readParked(parked([]))
  assert.deepEqual([reason, parkedAt, expiresAt], ['unknown', undefined, undefined])
})

test('replays are counted, and the hops begin anew', () => {
  const again = replayed(
    parked([
      text('x-relay-reason', 'too-many-hops'),
      whole('x-relay-hops', 16),
      whole('x-relay-replays', 4),
      text('x-relay-last-reason', 'unroutable'),
    ]),
  )
  assert.equal(again.whole('x-relay-replays'), 5)
  assert.equal(again.text('x-relay-last-reason'), 'too-many-hops')
  assert.equal(again.whole('x-relay-hops'), undefined)
  assert.equal(again.text('x-relay-reason'), undefined)
})

test('a time to live goes on: since it came in, else since it was parked', () => {
  const parkedAt = whole('x-relay-parked-at', NOW - 1000)
  const lives = text('x-relay-original-expiration', '60000')
  assert.equal(replayed(parked([parkedAt, lives])).expiration, '59000')
  const since = parked([parkedAt, lives, whole('x-warren-at', NOW - 5000)])
  assert.equal(replayed(since).expiration, '55000')
  assert.equal(replayed(since).whole('x-warren-at'), NOW)
  const dead = death('delivery_limit', 'k', text('original-expiration', '60000'))
  const byBroker = parked([rawEntry('x-death', 'A', array(dead))])
  assert.equal(replayed(byBroker, NOW + 1000).expiration, '59000')
  assert.equal(replayed(parked([parkedAt])).expiration, undefined)
})

test('a time to live that is none does not come back', () => {
  const odd = [whole('x-relay-parked-at', NOW), text('x-relay-original-expiration', 'soon')]
  assert.equal(readParked(parked(odd)).expiresAt, undefined)
  assert.equal(replayed(parked(odd)).expiration, undefined)
})

test('what cannot be read is refused', () => {
  const broken = { ...parked([]), properties: Buffer.from([0x20, 0, 0, 0, 0, 9]) }
  assert.throws(() => readParked(broken))
  assert.throws(() => readParked(parked([rawEntry('odd', '?', Buffer.alloc(0))])))
})

test('filters: any of one kind, all kinds', () => {
  const message = readParked(
    parked([
      text('x-relay-reason', 'unroutable'),
      text('x-relay-original-routing-key', 'eu.new'),
      whole('tries', 3),
      rawEntry('urgent', 't', Buffer.from([0])),
      rawEntry('list', 'A', array()),
    ]),
  )
  const none = { reasons: [], messageIds: [], routingKeys: [], headers: [] }
  const cases = [
    [none, true],
    [{ ...none, reasons: ['rejected', 'unroutable'] }, true],
    [{ ...none, reasons: ['unroutable'], routingKeys: ['us.*'] }, false],
    [{ ...none, reasons: ['unroutable'], routingKeys: ['us.*', 'eu.*'] }, true],
    [{ ...none, headers: [['tries', '3']] as const }, true],
    [{ ...none, headers: [['urgent', 'false']] as const }, true],
    [{ ...none, headers: [['list', '']] as const }, false],
    [{ ...none, messageIds: [''] }, false],
  ] as const
  for (const [filter, expected] of cases) {
    assert.equal(fits(message, filter), expected, JSON.stringify(filter))
  }
  const named = parked([], Object.assign([], { [PROPERTY.messageId]: shortString('m') }))
  assert.equal(fits(readParked(named), { ...none, messageIds: ['m'] }), true)
})
