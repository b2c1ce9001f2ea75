import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { base64Bytes, textBytes } from '#lib/http/json-text.ts'
import { AT_ONCE } from '#lib/shares.ts'

/** A text as it stands in JSON, in the middle of a body. */
const read = async (json: string) => {
  const body = Buffer.from(`[${json}]`)
  return textBytes(body, [2, body.length - 2], AT_ONCE)
}
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('"', '\\', '\n', '\t', '\0', '/', 'é', '€', '😀', 'a', '\ud800'),
  }),
)
/** Each character as the number that it has, as PHP and many others write all but ASCII. */
const escaped = (text: string) =>
  `"${[...Array(text.length).keys()]
    .map((at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`)
    .join('')}"`

describe('a text in JSON', () => {
  test('has the bytes of what JSON.parse makes of it', async () => {
    await fc.assert(
      fc.asyncProperty(anyText, async (text) => {
        for (const json of [
          JSON.stringify(text),
          escaped(text),
          escaped(text).toUpperCase().replaceAll('U', 'u'),
        ]) {
          const parsed: string = JSON.parse(json)
          const expected = parsed.isWellFormed() ? Buffer.from(parsed) : undefined
          assert.deepEqual(await read(json), expected, json)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  for (const half of [
    '\\ud800',
    '\\ud800x',
    '\\ud800\\n',
    '\\ud800\\ud800',
    '\\udc00\\ud800',
    'a\\udfff',
  ]) {
    test(`has none with half a pair: ${half}`, async () =>
      assert.equal(await read(`"${half}"`), undefined))
  }

  test('is not copied when nothing in it is escaped', async () => {
    const body = Buffer.from('["über"]')
    const bytes = await textBytes(body, [2, body.length - 2], AT_ONCE)
    assert.equal(bytes?.buffer, body.buffer)
    assert.equal(bytes?.toString(), 'über')
  })

  test('is read in pieces when it is long, wherever an escape stands', async () => {
    for (const shift of [0, 1, 5, 11]) {
      const text = `${'x'.repeat(shift)}${'😀é\n'.repeat(60_000)}`
      assert.equal((await read(escaped(text)))?.toString(), text)
    }
  })
})

describe('base64', () => {
  const decode = async (text: string) => base64Bytes(Buffer.from(text), AT_ONCE)

  test('gives any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (bytes) => {
        assert.deepEqual(await decode(Buffer.from(bytes).toString('base64')), Buffer.from(bytes))
      }),
    )
    const long = Buffer.alloc(1_000_001, 'any bytes')
    assert.deepEqual(await decode(long.toString('base64')), long)
  })

  for (const wrong of [
    'A',
    'AA',
    'AAA',
    'AA=A',
    '=AAA',
    'A===',
    '====',
    'AA-_',
    'AA A',
    'AAAA\n',
    'AAAAAA==A',
    'é=',
  ]) {
    test(`is not ${JSON.stringify(wrong)}`, async () =>
      assert.equal(await decode(wrong), undefined))
  }

  test('is not what goes wrong after a long while', async () => {
    const long = Buffer.alloc(3_000_000).toString('base64')
    assert.equal(await decode(`${long.slice(0, -1)}-`), undefined)
  })
})
