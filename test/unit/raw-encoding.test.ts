import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { MessageProperties } from '#lib/amqp/message.ts'
import { encodeProperties } from '#lib/amqp/raw-encoding.ts'
import { createFaults } from '#lib/http/faults.ts'
import { checkTable } from '#lib/http/table.ts'
import { encodeHeader } from '../support/codec.ts'

const least = { deliveryMode: 2, messageId: 'm' } as const
const headersOf = (value: unknown) => ({ ...least, headers: { value } })

const text = () =>
  fc.string({ unit: 'grapheme', maxLength: 60 }).filter((one) => Buffer.byteLength(one) <= 255)
const isTable = (value: unknown) => checkTable(value, [], createFaults())
const properties = (): fc.Arbitrary<MessageProperties> =>
  fc.record(
    {
      deliveryMode: fc.constantFrom(1, 2),
      messageId: text(),
      contentType: text(),
      contentEncoding: text(),
      headers: fc.dictionary(text(), fc.jsonValue()).filter(isTable),
      priority: fc.nat(255),
      correlationId: text(),
      replyTo: text(),
      expiration: text(),
      timestamp: fc.maxSafeNat(),
      type: text(),
      appId: text(),
    },
    { requiredKeys: ['deliveryMode', 'messageId'] },
  ) as fc.Arbitrary<MessageProperties>

describe('properties on the wire', () => {
  test('are the bytes that amqplib makes of them', () => {
    fc.assert(
      fc.property(properties(), (one) => {
        assert.deepEqual(encodeProperties(one), encodeHeader(one))
      }),
      { numRuns: 2000 },
    )
  })

  for (const number of [127, 128, -128, -129, 32767, 32768, -32769, 2 ** 31, 2 ** 53 - 1, 0.1]) {
    test(`carry ${number} in the type that amqplib takes`, () => {
      const one = headersOf(number)
      assert.deepEqual(encodeProperties(one), encodeHeader(one))
    })
  }

  for (const [what, one] of Object.entries({
    'a text over 255 bytes': { ...least, type: 'x'.repeat(256) },
    'a header name over 255 bytes': { ...least, headers: { ['x'.repeat(256)]: 1 } },
    'headers over 64 KiB': headersOf('x'.repeat(65_536)),
    'headers of a million bytes': headersOf('x'.repeat(1_000_000)),
    'headers with too many numbers': headersOf(Array(40_000).fill(7)),
    'a priority that is none': { ...least, priority: 256 },
  })) {
    test(`cannot be ${what}`, () => assert.throws(() => encodeProperties(one), RangeError))
  }
})
