import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createFaults } from '#lib/http/faults.ts'
import { checkTable, tableBytes } from '#lib/http/table.ts'
import { decodeTable, encodeTable } from '../support/codec.ts'

function check(value: unknown) {
  const faults = createFaults()
  const isFine = checkTable(value, ['headers'], faults)
  assert.equal(isFine, faults.items.length === 0)
  return faults.items
}

const refused = (value: unknown, pointer: string) =>
  assert.deepEqual(
    check(value).map((item) => item.pointer),
    [pointer],
  )

const nested = (levels: number): object => (levels === 1 ? {} : { a: nested(levels - 1) })
const names = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`n${index}`, index]))

describe('the headers of a message', () => {
  test('may be any JSON object', () => {
    assert.deepEqual(check({ a: 1, b: 'x', c: null, d: [1, { e: true }], f: 1.5, '!': 'top' }), [])
  })

  for (const value of [null, 1, 'a', [], true, undefined]) {
    test(`are no ${JSON.stringify(value)}`, () => refused(value, '#/headers'))
  }

  for (const name of ['CC', 'BCC', 'user_id', 'x-death', 'x-warren-at', 'x-delayed', 'x-match']) {
    test(`may not have ${name}`, () => refused({ [name]: 1 }, `#/headers/${name}`))
  }

  for (const name of ['x-delay', 'x-match-any', 'cc', 'X-Request-Id', 'xx']) {
    test(`may have ${name}`, () => assert.deepEqual(check(Object.fromEntries([[name, 1]])), []))
  }

  test('may be 16 levels deep, not 17', () => {
    assert.deepEqual(check(nested(16)), [])
    refused(nested(17), `#/headers${'/a'.repeat(16)}`)
    refused(
      JSON.parse(`{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`),
      `#/headers/a${'/0'.repeat(15)}`,
    )
  })

  test('may have 1,024 list items in all, not 1,025', () => {
    const list = (count: number) => Array(count).fill(1)
    assert.deepEqual(check({ a: list(1_024) }), [])
    assert.deepEqual(check({ a: list(500), b: [list(523)] }), [])
    refused({ a: list(1_025) }, '#/headers')
    refused({ a: list(500), b: [list(524)] }, '#/headers')
  })

  test('may have 256 names in all, not 257', () => {
    assert.deepEqual(check({ a: names(255) }), [])
    refused({ a: names(256) }, '#/headers')
    refused({ a: [names(200), names(200)] }, '#/headers')
  })

  for (const number of [2 ** 53, -(2 ** 53), 1e300, Number.POSITIVE_INFINITY, 2 ** 50 + 0.5]) {
    test(`may not have the number ${number}, which would arrive as another`, () =>
      refused({ a: [number] }, '#/headers/a/0'))
  }

  test('may not have a name over 255 bytes, a broken text, or amqplib’s sign for a type', () => {
    refused({ ['x'.repeat(256)]: 1 }, `#/headers/${'x'.repeat(100)}%E2%80%A6`)
    refused({ a: '\ud800' }, '#/headers/a')
    refused({ '\ud800': 1 }, '#/headers/%EF%BF%BD')
    refused({ a: { '!': 'timestamp', value: 1 } }, '#/headers/a/!')
    refused(JSON.parse('{"__proto__": {}}'), '#/headers/__proto__')
    refused(JSON.parse('{"a": [{"__proto__": 1}]}'), '#/headers/a/0/__proto__')
  })

  test('must be below 64 KiB, counted as they are encoded', () => {
    const text = (bytes: number) => ({ a: 'é'.repeat((bytes - 11) / 2) })
    assert.equal(tableBytes(text(65_535)), 65_535)
    assert.deepEqual(check(text(65_535)), [])
    refused(text(65_537), '#/headers')
    refused({ a: 'x'.repeat(65_536 - 11), b: '' }, '#/headers')
  })

  test('list every fault, but never more than 100', () => {
    assert.equal(check({ CC: 1, BCC: 1, a: Number.NaN }).length, 3)
    assert.equal(check({ a: Array(10_000).fill(1e300) }).length, 100)
  })
})

const json = fc.jsonValue({ maxDepth: 4 })
const tables = fc.dictionary(fc.string({ maxLength: 40 }), json, { maxKeys: 20 })

test('what passes is encoded by amqplib, in just as many bytes, and decoded as it was', () => {
  fc.assert(
    fc.property(tables, (table) => {
      fc.pre(check(table).length === 0)
      const bytes = encodeTable(table)
      assert.equal(bytes.length, tableBytes(table))
      assert.deepEqual(decodeTable(bytes), withoutMinusZero(table))
    }),
  )
})

const numbers = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(
    127,
    128,
    -128,
    -129,
    32_767,
    32_768,
    -32_769,
    2 ** 31,
    -(2 ** 31),
    2 ** 50 + 0.25,
  ),
)

test('every number that passes arrives as it was', () => {
  fc.assert(
    fc.property(numbers, (number) => {
      fc.pre(check({ number }).length === 0)
      const bytes = encodeTable({ number })
      assert.equal(bytes.length, tableBytes({ number }))
      assert.ok(Object.is(decodeTable(bytes)['number'], number + 0))
    }),
    { numRuns: 1000 },
  )
})

/** AMQP integers have no minus zero. */
const withoutMinusZero = (value: object): object =>
  JSON.parse(JSON.stringify(value, (_, item) => (Object.is(item, -0) ? 0 : item)))
