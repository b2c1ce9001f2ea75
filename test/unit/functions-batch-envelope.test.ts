import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { PROBLEMS } from '#lib/errors.ts'
import { JSON_TYPE, sendBatch as send, sendItems } from '../support/batch.ts'

/** The problem of a lone item. */
async function itemProblem(item: unknown) {
  const { status, json, published } = await sendItems([item])
  assert.deepEqual([status, published], [422, []])
  const { code, errors = [] } = json.results[0]
  return { code, pointers: errors.map(({ pointer }: { pointer: string }) => pointer) }
}

describe('the envelope of a message', () => {
  test('has every property of the management API that a caller may set', async () => {
    const properties = {
      message_id: 'm',
      correlation_id: 'c',
      reply_to: 'r',
      type: 't',
      app_id: 'a',
      priority: 7,
      expiration: '60000',
      timestamp: 1,
      delivery_mode: 1,
      headers: { h: [1] },
      content_type: 'text/plain',
      content_encoding: 'gzip',
    }
    const { published } = await send({
      headers: { ...JSON_TYPE, traceparent: '00-1-2-01' },
      body: JSON.stringify([{ properties, payload: 'AP+A', payload_encoding: 'base64' }]),
    })
    assert.deepEqual(published[0]?.body, Buffer.from([0, 255, 128]))
    assert.deepEqual(published[0]?.properties, {
      messageId: 'm',
      correlationId: 'c',
      replyTo: 'r',
      type: 't',
      appId: 'a',
      priority: 7,
      expiration: '60000',
      timestamp: 1,
      deliveryMode: 1,
      headers: { traceparent: '00-1-2-01', h: [1], 'x-warren-at': 5 },
      contentType: 'text/plain',
      contentEncoding: 'gzip',
    })
  })

  test('is labelled as a single message is', async () => {
    const items = [{ payload: '{"a":1}' }, { payload: 'x' }, { payload: '', properties: [] }]
    const { published } = await sendItems(items)
    assert.deepEqual(
      published.map(({ properties }) => properties.contentType),
      ['application/json', 'application/octet-stream', 'application/octet-stream'],
    )
  })

  for (const [item, ...pointers] of [
    [null, '#'],
    [[], '#'],
    [{}, '#/payload'],
    [{ payload: { a: 1 } }, '#/payload'],
    [{ payload: '\ud800' }, '#/payload'],
    [{ payload: 'a', payload_encoding: 'hex' }, '#/payload_encoding'],
    [{ payload: 'AP+', payload_encoding: 'base64' }, '#/payload'],
    [{ payload: 'AP-A', payload_encoding: 'base64' }, '#/payload'],
    [{ payload: 'a', colour: 1, vhost: '/' }, '#/colour', '#/vhost'],
    [{ payload: 'a', routing_key: 5, mandatory: 'yes' }, '#/routing_key', '#/mandatory'],
    [{ payload: 'a', properties: 'x' }, '#/properties'],
    [{ payload: 'a', properties: { user_id: 'guest' } }, '#/properties/user_id'],
    [{ payload: 'a', properties: { routing_key: 'x' } }, '#/properties/routing_key'],
    [
      { payload: 'a', properties: { priority: 256, content_type: 1 } },
      '#/properties/priority',
      '#/properties/content_type',
    ],
    [{ payload: 'a', properties: { headers: { CC: ['b'] } } }, '#/properties/headers/CC'],
    [
      { payload: 'a', properties: { expiration: 'soon', delivery_mode: null } },
      '#/properties/expiration',
      '#/properties/delivery_mode',
    ],
  ] as const) {
    test(`is refused as ${JSON.stringify(item)}`, async () => {
      const problem = await itemProblem(item)
      assert.equal(problem.code, 'invalid-request')
      assert.deepEqual(problem.pointers.toSorted(), [...pointers].sort())
    })
  }

  test('must hold JSON when it says so', async () => {
    const properties = { content_type: 'application/json' }
    assert.deepEqual(await itemProblem({ payload: '{', properties }), {
      code: 'malformed-json',
      pointers: ['#/payload'],
    })
  })

  test('carries any bytes as base64 and any text as it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), fc.string({ unit: 'grapheme' }), async (bytes, text) => {
        fc.pre(!Object.hasOwn(PROBLEMS, text) && text !== 'bug')
        const payload = Buffer.from(bytes).toString('base64')
        const { published } = await sendItems([
          { payload, payload_encoding: 'base64' },
          { payload: text },
        ])
        assert.deepEqual(
          published.map(({ body }) => body),
          [Buffer.from(bytes), Buffer.from(text)],
        )
      }),
    )
  })
})
