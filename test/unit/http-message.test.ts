import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defined } from '#lib/defined.ts'
import { readMessage } from '#lib/http/message.ts'
import { AT_ONCE } from '#lib/shares.ts'
import { pointersOf, rejection } from '../support/errors.ts'
import { type RequestOptions, request } from '../support/requests.ts'

const NOW = 1_790_000_000_000
const deps = { now: () => NOW }
const read = async (options: RequestOptions = {}) =>
  readMessage(request(options), 'orders', AT_ONCE, deps)
const headersOf = async (options: RequestOptions) => (await read(options)).properties.headers
const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

describe('the message of a request', () => {
  test('is persistent, mandatory and has an id of its own, if nothing else is said', async () => {
    const { properties, ...message } = await read()
    const { messageId, ...others } = properties
    assert.deepEqual(message, {
      exchange: 'orders',
      routingKey: '',
      body: Buffer.from('{}'),
      mandatory: true,
    })
    assert.deepEqual(defined(others), { deliveryMode: 2, contentType: 'application/json' })
    assert.match(messageId, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.notEqual(messageId, (await read()).properties.messageId)
  })

  test('has every property that was set', async () => {
    const query = {
      routing_key: 'eu.new',
      mandatory: 'false',
      message_id: 'm',
      correlation_id: 'c',
      reply_to: 'r',
      type: 't',
      app_id: 'a',
      priority: '0',
      expiration: '060000',
      timestamp: '0',
      delivery_mode: '1',
      headers: '{"h":1}',
    }
    const headers = { 'content-type': 'text/plain', 'content-encoding': 'gzip' }
    const message = await read({ query, headers, body: 'x' })
    assert.deepEqual(message, {
      exchange: 'orders',
      routingKey: 'eu.new',
      body: Buffer.from('x'),
      mandatory: false,
      properties: {
        messageId: 'm',
        correlationId: 'c',
        replyTo: 'r',
        type: 't',
        appId: 'a',
        priority: 0,
        expiration: '60000',
        timestamp: 0,
        deliveryMode: 1,
        headers: { h: 1, 'x-warren-at': NOW },
        contentType: 'text/plain',
        contentEncoding: 'gzip',
      },
    })
  })

  test('has the very bytes of the body', async () => {
    const body = Buffer.from([0, 255, 128, 10])
    assert.equal((await read({ body, headers: { 'content-type': 'image/png' } })).body, body)
  })

  test('carries the trace', async () => {
    const headers = { traceparent: TRACE, tracestate: ['a=1', 'b=2'], baggage: 'k=v' }
    assert.deepEqual(await headersOf({ headers }), {
      traceparent: TRACE,
      tracestate: 'a=1,b=2',
      baggage: 'k=v',
    })
  })

  test('carries no trace when there are two of them, and the caller’s own first', async () => {
    assert.equal(await headersOf({ headers: { traceparent: [TRACE, TRACE] } }), undefined)
    const own = { headers: { traceparent: TRACE }, query: { headers: '{"traceparent":"mine"}' } }
    assert.deepEqual(await headersOf(own), { traceparent: 'mine' })
  })

  test('says when it was taken only if it expires', async () => {
    assert.deepEqual(await headersOf({ query: { expiration: '0' } }), { 'x-warren-at': NOW })
    assert.equal(await headersOf({}), undefined)
  })
})

describe('a request that is not valid', () => {
  test('is malformed JSON when nothing else is wrong', async () => {
    const error = await rejection(
      read({ headers: { 'content-type': 'application/json' }, body: '{' }),
    )
    assert.equal(error.code, 'malformed-json')
    assert.deepEqual(pointersOf(error.context), ['#/body'])
  })

  test('lists everything at once, the body too', async () => {
    const headers = { 'content-type': 'application/json', 'amqp-priority': 'high' }
    const query = { colour: 'red', message_id: 'm-1' }
    const error = await rejection(read({ headers, query, body: '{' }))
    assert.equal(error.code, 'invalid-request')
    assert.equal(error.context.messageId, 'm-1')
    assert.deepEqual(pointersOf(error.context), [
      '#/query/colour',
      '#/headers/AMQP-Priority',
      '#/body',
    ])
  })

  test('does not become valid by a trace that makes its headers too large', async () => {
    const table = JSON.stringify({ a: 'x'.repeat(65_000) })
    assert.ok(await headersOf({ query: { headers: table } }))
    const error = await rejection(
      read({ query: { headers: table }, headers: { baggage: 'x'.repeat(600) } }),
    )
    assert.deepEqual(pointersOf(error.context), ['#/headers'])
  })
})
