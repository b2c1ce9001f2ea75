import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { answerTo, type ItemResult } from '#functions/batch/results.ts'
import { bodiesOf, JSON_TYPE, sendBatch, sendItems } from '../support/batch.ts'

interface Refused {
  readonly code: string
  readonly detail: string
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[]
}
const LINES = { 'content-type': 'application/x-ndjson' }
const good = { payload: 'good' }
const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`

describe('an envelope that is more than one can be', () => {
  for (const [what, item, says] of [
    ['members', `{"payload":"x"${members(32)}}`, /^Has 33 members; at most 32/],
    ['levels', `{"payload":"x","z":${nested(20)}}`, /^Has 21 levels; at most 20/],
    [
      'values',
      `{"payload":"x","z":[${'1,'.repeat(2_999)}1]}`,
      /^Has 3002 members and list items; at most 3000/,
    ],
    [
      'bytes',
      `{"payload":"x","z":"${'z'.repeat(600_000)}"}`,
      /bytes beside the payload; at most 524288/,
    ],
  ] as const) {
    test(`is refused by its ${what}, and stops none of the others`, async () => {
      const body = `[{"payload":"a"},${item},{"payload":"b"}]`
      const { status, json, published } = await sendBatch(
        { headers: JSON_TYPE, body },
        undefined,
        1e7,
      )
      assert.equal(status, 422)
      const refused: Refused = json.results[1]
      assert.equal(refused.code, 'invalid-request')
      assert.match(refused.errors?.[0]?.detail ?? '', says)
      assert.deepEqual(bodiesOf(published), ['a', 'b'])
    })
  }

  test('is not one with a large payload', async () => {
    const payload = 'x'.repeat(3_000_000)
    const { status, published } = await sendBatch(
      { headers: JSON_TYPE, body: JSON.stringify([{ payload }]) },
      undefined,
      1e7,
    )
    assert.deepEqual([status, published[0]?.body.length], [200, payload.length])
  })
})

function members(count: number): string {
  return Array.from({ length: count }, (_, at) => `,"m${at}":1`).join('')
}

describe('what stands there twice', () => {
  for (const item of [
    '{"payload":"a","payload":"b"}',
    '{"payload":"a","p\\u0061yload":"b"}',
    '{"routing_key":"a","payload":"x","routing_key":"b"}',
  ]) {
    test(`is no guess of ours: ${item}`, async () => {
      const { json, published } = await sendBatch({ headers: JSON_TYPE, body: `[${item}]` })
      assert.deepEqual(published, [])
      assert.equal(json.results[0].code, 'invalid-request')
      assert.match(json.results[0].errors[0].detail, /given more than once/i)
    })
  }

  for (const body of [
    '{"messages":[{"payload":"a"}],"messages":[{"payload":"b"}]}',
    '{"messages":[{"payload":"a"}],"routing_key":"b"}',
    '{"payload":"b","messages":[{"payload":"a"}]}',
  ]) {
    test(`nor beside a list of messages: ${body}`, async () => {
      const { status, json, published } = await sendBatch({ headers: JSON_TYPE, body })
      assert.deepEqual([status, json.code, published], [400, 'invalid-request', []])
      assert.match(json.errors[0].detail, /beside `messages`/)
    })
  }
})

describe('what is wrong with many messages', () => {
  test('is listed a hundred times in all, and each has its code', async () => {
    const bad = { payload: 'x', colour: 1, properties: { priority: 256, expiration: -1 } }
    const { json, published } = await sendItems([...Array(50).fill(bad), good])
    const results: Refused[] = json.results
    assert.equal(results.flatMap(({ errors = [] }) => errors).length, 100)
    assert.ok(results.slice(0, 50).every(({ code }) => code === 'invalid-request'))
    assert.match(results[40]?.detail ?? '', /^100 faults were listed before this one/)
    assert.equal(results[40]?.errors, undefined)
    assert.deepEqual(bodiesOf(published), ['good'])
  })

  test('is still wrong when no more of it is listed, in every part of an envelope', async () => {
    const full = Array(101).fill({ payload: 'x', colour: 1 })
    const wrong = [
      { payload: 'x', properties: { headers: { CC: ['a'] } } },
      { payload: 'x', properties: { headers: { a: { '!': 1 } } } },
      { payload: 'x', properties: { headers: { a: [Array(1_025).fill(0)] } } },
      { payload: 'x', properties: { priority: 256 } },
      { payload: 'x', properties: { content_type: 5 } },
      { payload: '{', properties: { content_type: 'application/json' } },
      { payload: '\ud800' },
      { payload: 'AP+', payload_encoding: 'base64' },
      { payload: 5 },
      5,
    ]
    const { json, published } = await sendItems([...full, ...wrong, good])
    const results: Refused[] = json.results.slice(101)
    assert.deepEqual(
      results.map(({ code }) => code),
      [
        ...Array(5).fill('invalid-request'),
        'malformed-json',
        ...Array(4).fill('invalid-request'),
        undefined,
      ],
    )
    assert.deepEqual(bodiesOf(published), ['good'])
  })
})

describe('a request with too many messages', () => {
  for (const [form, options] of [
    ['a list', { headers: JSON_TYPE, body: `[${'{},'.repeat(5_000)}` }],
    ['messages', { headers: JSON_TYPE, body: `{"messages":[${'1,'.repeat(5_000)}` }],
    ['lines', { headers: LINES, body: '1\n'.repeat(5_000) }],
  ] as const) {
    test(`is refused at the first that is too many, whatever follows: ${form}`, async () => {
      const { status, json } = await sendBatch(options)
      assert.deepEqual([status, json.code], [400, 'invalid-request'])
      assert.match(json.errors[0].detail, /^Has more than 1000 messages/)
    })
  }

  test('blank lines are none', async () => {
    const body = `${'\n \r\n\t'.repeat(20_000)}{"payload":"a"}${'\n'.repeat(9_000)}\ufeff{"payload":"b"}\n`
    const { status, published } = await sendBatch({ headers: LINES, body }, undefined, 1e7)
    assert.deepEqual([status, bodiesOf(published)], [200, ['a', 'b']])
  })

  test('a line of a control character is one that cannot be read', async () => {
    const { json } = await sendBatch({ headers: LINES, body: '{"payload":"a"}\n\0\n' })
    assert.deepEqual(
      json.results.map(({ code }: Refused) => code),
      [undefined, 'malformed-json'],
    )
  })
})

describe('results that are not as many as the messages', () => {
  const one: ItemResult = { index: 0, status: 200, messageId: 'm' }
  for (const [results, messages] of [
    [[], 0],
    [[], 1],
    [[one], 2],
    [[one, one], 1],
  ] as const) {
    test(`are never an answer: ${results.length} for ${messages}`, () => {
      assert.throws(() => answerTo(results, messages, {}), /results for/)
    })
  }
})
