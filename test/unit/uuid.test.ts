import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { uuidv7 } from '#lib/uuid.ts'

const LAYOUT = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const times = fc.integer({ min: 0, max: 2 ** 48 - 1 })

test('a UUIDv7 has the layout, the version and the time of RFC 9562', () => {
  fc.assert(
    fc.property(times, (ms) => {
      const id = uuidv7(ms)
      assert.match(id, LAYOUT)
      assert.equal(Number.parseInt(id.replace('-', '').slice(0, 12), 16), ms)
    }),
  )
  // The example of RFC 9562, A.6.
  assert.equal(uuidv7(0x017f22e279b0).slice(0, 15), '017f22e2-79b0-7')
})

test('a later millisecond sorts after an earlier one', () => {
  fc.assert(
    fc.property(times, times, (one, other) => {
      if (one < other) assert.ok(uuidv7(one) < uuidv7(other))
    }),
  )
})

test('ids of one millisecond differ in all their random bits', () => {
  const ids = Array.from({ length: 10_000 }, () => BigInt(`0x${uuidv7(0).replaceAll('-', '')}`))
  assert.equal(new Set(ids).size, ids.length)
  const ones = ids.reduce((all, id) => all | id, 0n)
  const always = ids.reduce((all, id) => all & id, (1n << 128n) - 1n)
  const vary = (ones ^ always).toString(2).replaceAll('0', '').length
  assert.equal(vary, 74)
})
