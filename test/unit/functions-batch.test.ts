import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PROBLEMS, type ProblemCode } from '#lib/errors.ts'
import { bodiesOf, JSON_TYPE, sendBatch as send, sendItems } from '../support/batch.ts'
import type { RequestOptions } from '../support/requests.ts'

const LINES = { 'content-type': 'application/x-ndjson' }

describe('a batch', () => {
  const items = [{ payload: 'a' }, { payload: 'b' }]
  const forms: readonly [string, RequestOptions][] = [
    ['a list', { headers: JSON_TYPE, body: JSON.stringify(items) }],
    ['an object with messages', { headers: JSON_TYPE, body: JSON.stringify({ messages: items }) }],
    ['lines', { headers: LINES, body: '{"payload":"a"}\r\n\n  \n{"payload":"b"}' }],
    [
      'lines behind a byte order mark',
      { headers: LINES, body: '\ufeff{"payload":"a"}\n{"payload":"b"}\n' },
    ],
    [
      'a list that a client calls a form',
      {
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: JSON.stringify(items),
      },
    ],
    ['a list without a type', { body: JSON.stringify(items) }],
  ]
  for (const [form, options] of forms) {
    test(`may be ${form}`, async () => {
      const { status, json, published } = await send(options)
      assert.deepEqual([status, json.status, json.exchange], [200, 'OK', 'orders'])
      assert.deepEqual(bodiesOf(published), ['a', 'b'])
    })
  }

  test('may be one envelope alone, as the management API takes it', async () => {
    const envelope = {
      properties: {},
      routing_key: 'my key',
      payload: 'my body',
      payload_encoding: 'string',
    }
    const { json, published } = await send({ body: JSON.stringify(envelope) })
    assert.equal(json.results.length, 1)
    assert.deepEqual([published[0]?.routingKey, bodiesOf(published)], ['my key', ['my body']])
  })

  test('answers for each message in order, under one deadline, with one line in the log', async () => {
    const ids = [
      { payload: 'a', properties: { message_id: 'm' } },
      { payload: 'b', mandatory: false },
    ]
    const { status, json, published, deadlines, line } = await sendItems(ids)
    assert.equal(status, 200)
    assert.deepEqual(json.results, [
      { index: 0, status: 200, messageId: 'm' },
      { index: 1, status: 200, messageId: published[1]?.properties.messageId, routed: false },
    ])
    assert.equal(deadlines.size, 1)
    assert.deepEqual(
      [line.message, line['exchange'], line['messages'], line['failures'], line['outcome']],
      ['request answered', 'orders', 2, 0, 'published'],
    )
  })

  test('is published in order, however long it takes to read each message', async () => {
    const mixed = Array.from({ length: 200 }, (_, index) => ({
      payload: index % 3 === 0 ? `${index}` : `[${index}]`,
      properties:
        index % 2 === 0 ? { content_type: 'application/json' } : { content_encoding: 'x' },
    }))
    const { published } = await sendItems(mixed)
    assert.deepEqual(
      bodiesOf(published),
      mixed.map(({ payload }) => payload),
    )
  })
})

describe('a batch of which some messages fail', () => {
  test('says of each what became of it, and stops none of the others', async () => {
    const { status, headers, json, published, line } = await sendItems([
      { payload: 'a' },
      'nonsense',
      { payload: 'unroutable', properties: { message_id: 'm-2' } },
      { payload: 'broker-blocked' },
      { payload: 'bug' },
      { payload: 'b' },
    ])
    assert.deepEqual(
      [status, json.code, json.outcome, json.retryable],
      [503, 'batch-incomplete', 'partial', true],
    )
    assert.equal(headers['content-type'], 'application/problem+json')
    assert.equal(headers['retry-after'], '5')
    assert.match(json.detail, /^4 of 6 messages/)
    assert.deepEqual(
      json.results.map((result: Record<string, unknown>) => [
        result['index'],
        result['status'],
        result['code'],
      ]),
      [
        [0, 200, undefined],
        [1, 400, 'invalid-request'],
        [2, 422, 'unroutable'],
        [3, 503, 'broker-blocked'],
        [4, 500, 'internal'],
        [5, 200, undefined],
      ],
    )
    const ids = json.results.map((result: Record<string, unknown>) => result['messageId'])
    assert.equal(ids[2], 'm-2')
    assert.equal(
      ids[3],
      published[2]?.properties.messageId,
      'it can be sent again with the same id',
    )
    assert.deepEqual([line['status'], line['outcome'], line['failures']], [503, 'partial', 4])
  })

  for (const [payloads, status, outcome, retryable] of [
    [['unroutable', 'exchange-not-found'], 422, 'not-published', false],
    [['a', 'unroutable'], 422, 'partial', false],
    [['broker-unavailable', 'unroutable'], 503, 'not-published', true],
    [['confirm-timeout', 'broker-unavailable'], 503, 'partial', true],
    [['nacked'], 503, 'partial', true],
  ] as const) {
    test(`is ${status} ${outcome} for ${payloads.join(' and ')}`, async () => {
      const { json, headers } = await sendItems(payloads.map((payload) => ({ payload })))
      assert.deepEqual([json.status, json.outcome, json.retryable], [status, outcome, retryable])
      assert.equal(headers['retry-after'] !== undefined, retryable)
    })
  }

  test('keeps to the scope of the token, message by message', async () => {
    const keys = [
      { payload: 'a', routing_key: 'eu.x' },
      { payload: 'b', routing_key: 'us.x' },
    ]
    const { json, published } = await sendItems(keys, [
      { exchange: 'orders', routingKeys: ['eu.*'] },
    ])
    assert.deepEqual(bodiesOf(published), ['a'])
    assert.equal(json.results[1].code, 'forbidden-destination')
    assert.match(json.results[1].messageId, /./)
  })

  test('takes a line that is no JSON for one bad message', async () => {
    const { json, published } = await send({
      headers: LINES,
      body: '{"payload":"a"}\n{"payl\n{"payload":"b"}',
    })
    assert.deepEqual(bodiesOf(published), ['a', 'b'])
    assert.deepEqual([json.results[1].index, json.results[1].code], [1, 'malformed-json'])
  })
})

describe('a request that is no batch', () => {
  const refused = (what: string, code: ProblemCode, options: RequestOptions) =>
    test(`is refused: ${what}`, async () => {
      const { status, json, published } = await send(options)
      assert.deepEqual([status, json.code, published], [PROBLEMS[code].status, code, []])
    })
  const body = '[{"payload":"a"}]'
  const many = JSON.stringify(Array(1_001).fill({ payload: 'a' }))

  refused('no message in a list', 'invalid-request', { body: '[]' })
  refused('no message in lines', 'invalid-request', { headers: LINES, body: '\n \n' })
  refused('more than 1,000 messages', 'invalid-request', { body: many })
  refused('JSON that is cut', 'malformed-json', { headers: JSON_TYPE, body: '[{"payload":"a"}' })
  refused('nothing', 'malformed-json', { headers: JSON_TYPE, body: '' })
  refused('a number', 'invalid-request', { headers: JSON_TYPE, body: '5' })
  refused('an object of something else', 'invalid-request', { body: '{"hello":"Gonzalo"}' })
  refused('another type', 'unsupported-media-type', {
    headers: { 'content-type': 'text/plain' },
    body,
  })
  refused('a form', 'unsupported-media-type', {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'a=1',
  })
  refused('something without a type', 'unsupported-media-type', { body: 'x' })
  refused('compressed', 'unsupported-media-type', {
    headers: { ...JSON_TYPE, 'content-encoding': 'gzip' },
    body,
  })
  refused('one id for all', 'invalid-request', { headers: { 'idempotency-key': 'a' }, body })
  refused('a property for all', 'invalid-request', { headers: { 'amqp-priority': '5' }, body })
  refused('a parameter', 'invalid-request', { query: { routing_key: 'a' }, body })
  refused('over the limit', 'body-too-large', { body: `[${' '.repeat(100_000)}]` })
  refused('no exchange', 'not-found', { path: '/batch/', body })
  refused('a bad path', 'invalid-request', { path: '/batch/a//b', body })

  test('1,000 messages are a batch', async () => {
    const { json } = await send({ body: JSON.stringify(Array(1_000).fill({ payload: 'a' })) })
    assert.equal(json.results.length, 1_000)
  })
})
