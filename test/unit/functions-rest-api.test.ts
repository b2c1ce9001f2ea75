import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deadlineOf, principalOf, toRequest, toResult } from '#functions/rest-api.ts'
import { remainingMs } from '#lib/deadline.ts'
import { exchangeIn } from '#lib/http/path.ts'
import { codeOf } from '../support/errors.ts'
import { type EventOptions, lambdaContext, restEvent } from '../support/events.ts'

const read = (options: EventOptions) => toRequest(restEvent(options))

describe('the request in an event', () => {
  test('has all values of each header and parameter', () => {
    const { headers, query, method, requestId } = read({
      headers: { 'X-A': ['1', '2'], 'x-a': ['3'], Accept: ['*/*'] },
      query: { a: ['1', '1'], A: ['2'] },
    })
    assert.deepEqual(
      [...headers],
      [
        ['x-a', ['1', '2', '3']],
        ['accept', ['*/*']],
      ],
    )
    assert.deepEqual(
      [...query],
      [
        ['a', ['1', '1']],
        ['A', ['2']],
      ],
    )
    assert.deepEqual([method, requestId], ['POST', 'request-1'])
  })

  test('is read from an event that has single values only', () => {
    const event = restEvent({ headers: { 'X-A': ['1'] }, query: { a: ['2'] } })
    const single = { ...event, multiValueHeaders: null, multiValueQueryStringParameters: null }
    const { headers, query } = toRequest(single as unknown as typeof event)
    assert.deepEqual([[...headers], [...query]], [[['x-a', ['1']]], [['a', ['2']]]])
  })

  test('has the bytes of the body, whatever the flag says', () => {
    const bytes = Buffer.from([0, 255, 128])
    assert.deepEqual(read({ body: bytes }).body, bytes)
    assert.equal(read({ body: null }).body.length, 0)
    const text = { ...restEvent(), body: 'é', isBase64Encoded: false }
    assert.deepEqual(toRequest(text).body, Buffer.from('é'))
    const empty = { ...restEvent(), body: null, isBase64Encoded: true }
    assert.equal(toRequest(empty).body.length, 0)
  })
})

describe('the exchange in an event', () => {
  const NAMES: readonly (readonly [sent: string, name: string])[] = [
    ['orders', 'orders'],
    ['a/b', 'a/b'],
    ['a%2Fb', 'a/b'],
    ['my%20x', 'my x'],
    ['%C3%A9', 'é'],
    ['a+b', 'a+b'],
    ['orders/', 'orders'],
    ['orders%2F', 'orders/'],
    ['publish/orders', 'publish/orders'],
    ['orders/publish/x', 'orders/publish/x'],
  ]
  for (const [sent, name] of NAMES) {
    for (const base of ['', '/v1', '/publish', '/a/publish']) {
      for (const matched of [sent, decodeURIComponent(sent), sent.replace(/\/$/, '')]) {
        test(`${base}/publish/${sent} is ${name} when the gateway says ${matched}`, () => {
          const { path } = read({ path: `${base}/publish/${sent}`, matched })
          assert.equal(exchangeIn(path, '/publish/'), name)
        })
      }
    }
  }

  test('is decoded once, not twice: an encoded percent sign is refused', () => {
    for (const matched of ['a%252Fb', 'a%2Fb']) {
      const { path } = read({ path: '/publish/a%252Fb', matched })
      assert.equal(
        codeOf(() => exchangeIn(path, '/publish/')),
        'invalid-request',
      )
    }
  })

  test('must be what the gateway matched', () => {
    assert.equal(
      codeOf(() => read({ path: '/publish/orders', matched: 'other' })),
      'invalid-request',
    )
    assert.equal(
      codeOf(() => read({ path: '/other/orders' })),
      'invalid-request',
    )
  })

  test('is nothing where the resource has no name in it, one slash at the end aside', () => {
    assert.equal(read({ resource: '/docs', path: '/v1/docs' }).path, '/docs')
    assert.equal(read({ resource: '/publish', path: '/v1/publish/' }).path, '/publish/')
    assert.equal(read({ resource: '/{proxy+}', path: '//publish/x' }).path, '//publish/x')
  })
})

describe('the caller in an event', () => {
  test('is who the authorizer said', () => {
    const grants = '[["orders","eu.*"],["logs"]]'
    assert.deepEqual(principalOf(restEvent({ authorizer: { principal: 'billing', grants } })), {
      name: 'billing',
      publish: [{ exchange: 'orders', routingKeys: ['eu.*'] }, { exchange: 'logs' }],
    })
  })

  for (const authorizer of [
    null,
    {},
    { principalId: 'user' },
    { principal: 'tester' },
    { grants: '[]' },
    { principal: '', grants: '[]' },
    { principal: 'tester', grants: 'all' },
    { principal: 'tester', grants: [['*']] },
    { principal: 7, grants: '[]' },
  ]) {
    test(`is nobody by ${JSON.stringify(authorizer)}`, () => {
      assert.equal(
        codeOf(() => principalOf(restEvent({ authorizer }))),
        'unauthorized',
      )
    })
  }
})

test('an answer is due after 7 s, and half a second before Lambda ends the function', () => {
  const left = (remaining: number) =>
    Math.round(remainingMs(deadlineOf(lambdaContext(remaining))) / 100)
  assert.deepEqual([left(10_000), left(7_500), left(3_000)], [70, 70, 25])
})

test('an answer is text with a status, or bytes', () => {
  const known = { status: 200, headers: { a: 'b' } }
  const told = { statusCode: 200, headers: { a: 'b' } }
  const text = { ...told, body: '{}', isBase64Encoded: false }
  assert.deepEqual(toResult({ ...known, body: '{}' }), text)
  const bytes = { ...told, body: 'AP8=', isBase64Encoded: true }
  assert.deepEqual(toResult({ ...known, body: Buffer.of(0, 255) }), bytes)
})
