import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
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
import { CopyRefused, copyOf, deliveryCountOf, parkedCopyOf, type Rules } from '#relay/copy.ts'
import { decodeTable, encodeTable } from '../support/codec.ts'
import { rawEntry, rawTable } from '../support/raw.ts'

const NOW = 1_800_000_000_000
const RULES: Rules = { persist: 'always', maxHops: 16, nowMs: NOW, heldMs: 0 }

interface Given {
  readonly properties?: RawProperties
  readonly headers?: object
  readonly exchange?: string
  readonly redelivered?: boolean
}

function original({ properties = [], headers, exchange = 'orders', redelivered = false }: Given) {
  const all = [...properties]
  if (headers) all[PROPERTY.headers] = encodeTable(headers)
  return { exchange, routingKey: 'eu.new', redelivered, properties: joinProperties(all) }
}

function read(bytes: Buffer) {
  const properties = splitProperties(bytes)
  return { properties, headers: decodeTable(properties[PROPERTY.headers] as Buffer) }
}

const copied = (given: Given, rules = RULES) => read(copyOf(original(given), rules).properties)

test('the origin is stamped once, at the first hop', () => {
  const first = copied({})
  assert.deepEqual(first.headers, {
    'x-relay-original-exchange': 'orders',
    'x-relay-original-routing-key': 'eu.new',
    'x-relay-hops': 1,
  })
  const second = copied({ headers: first.headers, exchange: 'elsewhere' })
  assert.equal(second.headers['x-relay-original-exchange'], 'orders')
  assert.equal(second.headers['x-relay-hops'], 2)
})

test('a message that came back by replay keeps the routing key that is stamped', () => {
  const headers = {
    'x-relay-original-exchange': 'orders',
    'x-relay-original-routing-key': 'us.old',
  }
  assert.equal(copyOf(original({ headers, exchange: '' }), RULES).routingKey, 'us.old')
  assert.equal(copyOf(original({ headers }), RULES).routingKey, 'eu.new')
})

test('what would reroute the copy or have it refused is kept elsewhere', () => {
  const properties: RawProperties = []
  properties[PROPERTY.userId] = shortString('someone')
  const { headers, ...more } = copied({ properties, headers: { CC: ['a'], BCC: ['b'], z: 1 } })
  assert.equal(more.properties[PROPERTY.userId], undefined)
  assert.equal(headers['x-relay-original-user-id'], 'someone')
  assert.deepEqual(headers['x-relay-original-cc'], ['a'])
  assert.deepEqual(headers['x-relay-original-bcc'], ['b'])
  assert.deepEqual([headers['CC'], headers['BCC'], headers['z']], [undefined, undefined, 1])
})

test("a quorum queue's own headers stay behind; a redelivery says that it is one", () => {
  const headers = { 'x-delivery-count': 3, 'x-acquired-count': 4, kept: true }
  assert.equal(deliveryCountOf(original({ headers }).properties), 3)
  const copy = copied({ headers, redelivered: true })
  assert.equal(copy.headers['x-delivery-count'], undefined)
  assert.equal(copy.headers['x-acquired-count'], undefined)
  assert.equal(copy.headers['x-relay-redelivered'], true)
  assert.equal(copy.headers['kept'], true)
})

test('transient becomes persistent, or stays what it was', () => {
  const properties: RawProperties = []
  properties[PROPERTY.deliveryMode] = octet(1)
  const mode = (rules: Parameters<typeof copyOf>[1]) =>
    read(copyOf(original({ properties }), rules).properties).properties[PROPERTY.deliveryMode]
  assert.deepEqual(mode(RULES), octet(2))
  assert.deepEqual(mode({ ...RULES, persist: 'preserve' }), octet(1))
})

function timeLeft(headers: object, heldMs = 0) {
  const properties: RawProperties = []
  properties[PROPERTY.expiration] = shortString('1000')
  const copy = copied({ properties, headers }, { ...RULES, heldMs })
  const expiration = copy.properties[PROPERTY.expiration]
  return [expiration && shortStringText(expiration), copy.headers['x-warren-at']]
}

test('the time to live that is left is what was not spent since x-warren-at', () => {
  assert.deepEqual(timeLeft({ 'x-warren-at': NOW - 300 }), ['700', NOW])
  assert.deepEqual(timeLeft({ 'x-warren-at': NOW + 5000 }), ['1000', NOW], 'a clock that is ahead')
  assert.deepEqual(timeLeft({}), ['1000', undefined], 'unknown: it restarts')
})

test('what no queue let expire has time left, however far apart the clocks are', () => {
  assert.deepEqual(timeLeft({ 'x-warren-at': NOW - 5000 }), ['1000', NOW])
  assert.deepEqual(
    timeLeft({ 'x-warren-at': NOW - 5000 }, 300),
    ['700', NOW],
    'but for its stay here',
  )
})

test('what expires in the relay’s hands is never published with a time of 0', () => {
  for (const [at, heldMs] of [
    [NOW - 1000, 100],
    [NOW - 5000, 1000],
  ] as const) {
    assert.throws(() => timeLeft({ 'x-warren-at': at }, heldMs), { reason: 'expired' })
  }
})

test('a parked copy says why, and rests', () => {
  const properties: RawProperties = []
  properties[PROPERTY.expiration] = shortString('1000')
  const why = { reason: 'refused-by-broker', error: 'too large', nowMs: NOW }
  const parked = read(parkedCopyOf(original({ properties }), why))
  assert.equal(parked.properties[PROPERTY.expiration], undefined)
  assert.deepEqual(parked.properties[PROPERTY.deliveryMode], octet(2))
  assert.deepEqual(parked.headers, {
    'x-relay-original-exchange': 'orders',
    'x-relay-original-routing-key': 'eu.new',
    'x-relay-original-expiration': '1000',
    'x-relay-reason': 'refused-by-broker',
    'x-relay-error': 'too large',
    'x-relay-parked-at': NOW,
  })
})

test('a message that goes in circles, or whose properties are broken, is refused', () => {
  const refusal = (act: () => unknown) => {
    try {
      act()
    } catch (error) {
      return error instanceof CopyRefused && error.reason
    }
    return undefined
  }
  assert.equal(
    refusal(() => copied({ headers: { 'x-relay-hops': 16 } })),
    'too-many-hops',
  )
  const properties: RawProperties = []
  properties[PROPERTY.headers] = rawTable(rawEntry('odd', '?', Buffer.alloc(4)))
  assert.equal(
    refusal(() => copied({ properties })),
    'unreadable-properties',
  )
  const cut = { ...original({}), properties: Buffer.from([0x20, 0, 0, 0, 9]) }
  assert.equal(
    refusal(() => copyOf(cut, RULES)),
    'unreadable-properties',
  )
})

test('a message that a consumer has rejected is on its way anew, and makes no circle', () => {
  const rejected = (count: number, reason = 'rejected') => ({
    'x-death': [{ queue: 'a', reason, count }],
  })
  const first = copied({ headers: { 'x-relay-hops': 16, ...rejected(1) } }).headers
  assert.equal(first['x-relay-hops'], 1)
  assert.equal(copied({ headers: first }).headers['x-relay-hops'], 2, 'not rejected again')
  const again = copied({ headers: { ...first, ...rejected(2) } }).headers
  assert.equal(again['x-relay-hops'], 1)
  const expired = { 'x-relay-hops': 16, ...rejected(1, 'expired') }
  assert.throws(() => copied({ headers: expired }), { reason: 'too-many-hops' }, 'by itself')
  assert.throws(() => copied({ headers: { 'x-relay-hops': 3 } }, { ...RULES, maxHops: 3 }))
})

test('an x-death that a broker could fail over is kept elsewhere; any other stays', () => {
  const harmful = [['a'], [1], [['a']], [{ queue: 'q' }, 'a'], [{ count: 'x' }], [{ count: null }]]
  for (const death of harmful) {
    const { headers } = copied({ headers: { 'x-death': death, z: 1 } })
    assert.equal(headers['x-death'], undefined)
    assert.deepEqual(headers['x-relay-original-death'], death)
    const parked = read(
      parkedCopyOf(original({ headers: { 'x-death': death } }), {
        reason: 'r',
        error: '',
        nowMs: 0,
      }),
    )
    assert.equal(parked.headers['x-death'], undefined)
  }
  for (const death of ['a', 1, {}, [], [{}], [{ queue: 'q', reason: 'expired', count: 3 }]]) {
    assert.deepEqual(copied({ headers: { 'x-death': death } }).headers['x-death'], death)
  }
})

test('names that others use stay; those that an earlier relay gave are understood', () => {
  const spring = { 'x-original-exchange': 'theirs', 'x-original-routingKey': 'theirs' }
  const { headers } = copied({ headers: spring })
  assert.equal(headers['x-original-exchange'], 'theirs')
  assert.equal(headers['x-relay-original-exchange'], 'orders')
  const former = {
    'x-original-exchange': 'first',
    'x-original-routing-key': 'us.old',
    'x-relay-hops': 1,
  }
  const again = copied({ headers: former })
  assert.equal(again.headers['x-relay-original-exchange'], 'first')
  assert.equal(again.headers['x-original-exchange'], undefined)
  const replayed = { ...former, 'x-relay-hops': undefined, 'x-relay-replays': 1 }
  const message = original({ headers: JSON.parse(JSON.stringify(replayed)), exchange: '' })
  assert.equal(copyOf(message, RULES).routingKey, 'us.old')
})

test('whatever the headers are, every entry keeps its bytes and its place', () => {
  const value = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.double({ noNaN: true, min: -1e15, max: 1e15 }),
    fc.boolean(),
  )
  const name = fc.string({ maxLength: 20 }).filter((key) => key !== 'CC' && key !== 'BCC')
  fc.assert(
    fc.property(fc.dictionary(name, value), (headers) => {
      const properties: RawProperties = []
      const table = encodeTable(headers)
      properties[PROPERTY.headers] = table
      const before = splitTable(table)
      const { properties: bytes } = copyOf(original({ properties }), RULES)
      const after = splitTable(splitProperties(bytes)[PROPERTY.headers] as Buffer)
      assert.deepEqual(after.slice(0, before.length), before)
    }),
  )
})

test('the quick way to a copy gives the same bytes as taking all apart', () => {
  const headers = fc.dictionary(fc.string({ maxLength: 9 }), fc.oneof(fc.string(), fc.integer()))
  const text = fc.option(fc.string({ maxLength: 60 }).map(shortString), { nil: undefined })
  fc.assert(
    fc.property(fc.option(headers), text, text, text, (table, contentType, encoding, appId) => {
      const properties: RawProperties = []
      properties[PROPERTY.contentType] = contentType
      properties[PROPERTY.contentEncoding] = encoding
      properties[PROPERTY.deliveryMode] = octet(2)
      properties[PROPERTY.appId] = appId
      if (table) properties[PROPERTY.headers] = encodeTable(table)
      const message = original({ properties })
      // What is persistent already stays so either way; only `always` has a quick way.
      const slow = copyOf(message, { ...RULES, persist: 'preserve' })
      assert.deepEqual(copyOf(message, RULES), slow)
    }),
  )
})

test('properties that are split and joined again are the same bytes', () => {
  const text = fc.option(fc.string({ maxLength: 60 }).map(shortString), { nil: undefined })
  fc.assert(
    fc.property(text, text, text, text, (contentType, messageId, type, clusterId) => {
      const properties: RawProperties = []
      properties[PROPERTY.contentType] = contentType
      properties[PROPERTY.messageId] = messageId
      properties[PROPERTY.type] = type
      properties[PROPERTY.clusterId] = clusterId
      properties[PROPERTY.timestamp] = Buffer.alloc(8, 7)
      const bytes = joinProperties(properties)
      assert.deepEqual(joinProperties(splitProperties(bytes)), bytes)
    }),
  )
})

test('whole numbers are read whatever their type, texts as texts', () => {
  const table = editTable(encodeTable({ a: 1, b: 300, c: -70_000, d: 2 ** 40, e: 'text', f: 1.5 }))
  const numbers = ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => integerOf(table.get(key) as Buffer))
  assert.deepEqual(numbers, [1, 300, -70_000, 2 ** 40, undefined, undefined])
  assert.equal(textOf(table.get('e') as Buffer), 'text')
  assert.equal(textOf(table.get('a') as Buffer), undefined)
})
