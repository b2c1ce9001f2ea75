import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytesOf, textFrom } from '#lib/amqp/raw-text.ts'

test('text is text, and bytes that are none come back as they were', () => {
  assert.equal(textFrom(Buffer.from('x grün 😀 \ufffd'), 1), ' grün 😀 \ufffd')
  const odd = Buffer.from('6578f6e9e282', 'hex')
  assert.equal(textFrom(odd), 'ex\udcf6\udce9\udce2\udc82')
  assert.deepEqual(bytesOf(textFrom(odd)), odd)
  const surrogates = Buffer.from('eda080edb080', 'hex')
  assert.deepEqual(bytesOf(textFrom(surrogates)), surrogates)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
      assert.deepEqual(bytesOf(textFrom(Buffer.from(bytes))), Buffer.from(bytes))
    }),
  )
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.equal(textFrom(bytesOf(text)), text)
    }),
  )
})

test('a lone surrogate that stands for no byte becomes what UTF-8 makes of it', () => {
  assert.equal(bytesOf('a\ud800b\udc10').toString(), 'a\ufffdb\ufffd')
})
