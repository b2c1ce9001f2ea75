import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createFaults } from '#lib/http/faults.ts'
import { readParameters } from '#lib/http/parameters.ts'
import { type Given, headerOf, PROPERTIES, type PropertyName } from '#lib/http/properties.ts'
import { type RequestOptions, request } from '../support/requests.ts'

function read(options: RequestOptions) {
  const faults = createFaults()
  const given: Given = readParameters(request(options), faults)
  return { given, pointers: faults.items.map((item) => item.pointer), items: faults.items }
}

const accepted = (options: RequestOptions) => {
  const { given, items } = read(options)
  assert.deepEqual(items, [])
  return given
}

describe('a property', () => {
  test('is a header or a query parameter', () => {
    assert.deepEqual(accepted({ headers: { 'amqp-routing-key': 'eu.new' } }), {
      routing_key: 'eu.new',
    })
    assert.deepEqual(accepted({ query: { routing_key: 'eu.new' } }), { routing_key: 'eu.new' })
  })

  test('may be given in both places when they agree', () => {
    const both = { headers: { 'amqp-priority': '5' }, query: { priority: '5' } }
    assert.deepEqual(accepted(both), { priority: 5 })
    assert.deepEqual(read({ ...both, query: { priority: '6' } }).pointers, ['#/query/priority'])
  })

  test('may not be repeated, even with the same value', () => {
    const twice = ['5', '5']
    assert.deepEqual(
      read({ headers: { 'amqp-type': twice, 'idempotency-key': twice }, query: { app_id: twice } })
        .pointers,
      ['#/headers/AMQP-Type', '#/headers/Idempotency-Key', '#/query/app_id'],
    )
  })

  for (const name of [
    'colour',
    'Routing_Key',
    'routing-key',
    '__proto__',
    'constructor',
    '',
    'a/b~c',
  ]) {
    test(`unknown as query parameter ${JSON.stringify(name)} is refused`, () => {
      const pointer = `#/query/${name.replace('~', '~0').replace('/', '~1')}`
      assert.deepEqual(read({ query: { [name]: '1' } }).pointers.length, 1)
      if (name !== '__proto__')
        assert.deepEqual(read({ query: { [name]: '1' } }).pointers, [encodeURI(pointer)])
    })
  }

  test('unknown as AMQP-* header is refused; other headers are nobody’s business', () => {
    const headers = { 'amqp-colour': '1', 'amqp-message_id': '1', 'amqp-': '1', 'x-colour': '1' }
    assert.deepEqual(read({ headers }).pointers, [
      '#/headers/AMQP-Colour',
      '#/headers/AMQP-Message_id',
      '#/headers/AMQP-',
    ])
  })

  test('that the broker would check or misuse is refused with a hint', () => {
    const { items } = read({
      headers: { 'amqp-user-id': 'guest', 'amqp-cc': 'q', 'amqp-content-type': 'a/b' },
      query: { user_id: 'guest', cluster_id: 'x', content_encoding: 'gzip' },
    })
    assert.equal(items.length, 6)
    for (const { detail } of items) assert.match(detail, /^Cannot be set|^Set the header Content-/)
  })

  test('all faults of a request are named at once', () => {
    const { pointers } = read({
      headers: { 'amqp-priority': '256', 'amqp-colour': '1' },
      query: { expiration: '-1', delivery_mode: '3', headers: '{"CC":[]}', type: ['a', 'b'] },
    })
    assert.deepEqual(pointers.toSorted(), [
      '#/headers/AMQP-Colour',
      '#/headers/AMQP-Priority',
      '#/query/delivery_mode',
      '#/query/expiration',
      '#/query/headers/CC',
      '#/query/type',
    ])
  })
})

describe('the value of', () => {
  const refuses = (name: PropertyName, ...texts: string[]) =>
    test(`${name} is not ${texts.map((text) => JSON.stringify(text).slice(0, 24)).join(', ')}`, () => {
      for (const text of texts) {
        assert.equal(read({ query: { [name]: text } }).items.length, 1, `?${name}=${text}`)
      }
    })
  const takes = (name: PropertyName, values: Record<string, unknown>) =>
    test(`${name} is read`, () => {
      for (const [text, value] of Object.entries(values)) {
        assert.deepEqual(accepted({ query: { [name]: text } }), { [name]: value })
      }
    })

  takes('mandatory', { true: true, false: false, 1: true, 0: false, TRUE: true })
  refuses('mandatory', '', 'yes', '2', 'constructor')
  takes('priority', { 0: 0, 255: 255, '007': 7 })
  refuses('priority', '', '256', '-1', '1.0', '1e2', ' 1', '0x10', '９')
  takes('expiration', { 0: 0, 4294967295: 4_294_967_295 })
  refuses('expiration', '4294967296', 'abc', '1s')
  takes('timestamp', { 0: 0, 9007199254740991: Number.MAX_SAFE_INTEGER })
  refuses('timestamp', '9007199254740992', '99999999999999999999')
  takes('delivery_mode', { 1: 1, 2: 2 })
  refuses('delivery_mode', '0', '3')
  takes('headers', { '{}': {}, '{"a":[1,null]}': { a: [1, null] } })
  refuses('headers', '', '[]', 'null', '{', '{"a":1}x')
  takes('message_id', { a: 'a' })
  refuses('message_id', '', 'é'.repeat(128))
  takes('reply_to', { 'amq.gen-x': 'amq.gen-x' })
  refuses('reply_to', 'amq.rabbitmq.reply-to', 'amq.rabbitmq.reply-to.g1h2')
  takes('routing_key', { '': '', ['é'.repeat(127)]: 'é'.repeat(127) })
  refuses('routing_key', 'x'.repeat(256), '\ud800')
})

describe('Idempotency-Key', () => {
  const key = (...values: string[]) => read({ headers: { 'idempotency-key': values } })

  for (const [value, id] of [
    ['8e03978e', '8e03978e'],
    ['"8e03978e"', '8e03978e'],
    ['"a \\"b\\" \\\\"', 'a "b" \\'],
    ['a"b', 'a"b'],
  ] as const) {
    test(`${value} is the message id ${id}`, () =>
      assert.deepEqual(key(value).given, { message_id: id }))
  }

  for (const value of ['', '""', '"', '"a', '"a"b', '"a\\b"', '"é"', 'x'.repeat(256)]) {
    test(`${JSON.stringify(value).slice(0, 20)} is refused`, () =>
      assert.deepEqual(key(value).pointers, ['#/headers/Idempotency-Key']))
  }

  test('may not contradict the message id', () => {
    const headers = { 'idempotency-key': '"a"', 'amqp-message-id': 'a' }
    assert.deepEqual(accepted({ headers, query: { message_id: 'a' } }), { message_id: 'a' })
    assert.equal(read({ headers, query: { message_id: 'b' } }).items.length, 1)
  })

  test('comes back from its quoted form, whatever it is', () => {
    const ascii = fc.string({
      unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
      minLength: 1,
      maxLength: 255,
    })
    fc.assert(
      fc.property(ascii, (id) => {
        const quoted = `"${id.replaceAll(/["\\]/g, '\\$&')}"`
        assert.deepEqual(key(quoted).given, { message_id: id })
      }),
    )
  })
})

const TEXT = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
  .filter((text) => Buffer.byteLength(text) <= 255)
const OF_KIND = {
  text: () => TEXT,
  boolean: () => fc.boolean(),
  integer: ({ min, max }: { min: number; max: number }) =>
    fc.integer({ min, max: Math.min(max, 2 ** 53 - 1) }),
  table: () =>
    fc.dictionary(
      fc.stringMatching(/^[a-z]{1,9}$/),
      fc.oneof(fc.string(), fc.integer(), fc.boolean()),
      { noNullPrototype: true },
    ),
}

test('what a caller sets arrives, as a header and as a parameter alike', () => {
  const any = Object.fromEntries(
    Object.entries(PROPERTIES).map(([name, rule]) => [
      name,
      OF_KIND[rule.kind](
        rule as { min: number; max: number } & typeof rule,
      ) as fc.Arbitrary<unknown>,
    ]),
  )
  fc.assert(
    fc.property(fc.record(any, { requiredKeys: [], noNullPrototype: true }), (values) => {
      const query = Object.fromEntries(
        Object.entries(values).map(([name, value]) => [
          name,
          typeof value === 'string' ? value : JSON.stringify(value),
        ]),
      )
      // As Node hands over the UTF-8 bytes of a header.
      const headers = Object.fromEntries(
        Object.entries(query).map(([name, text]) => [
          headerOf(name).toLowerCase(),
          Buffer.from(text).toString('latin1'),
        ]),
      )
      assert.deepEqual(accepted({ query }), values)
      assert.deepEqual(accepted({ headers }), values)
      assert.deepEqual(accepted({ query, headers }), values)
    }),
  )
})
