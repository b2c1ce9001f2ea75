import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import middy from '@middy/core'
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda'
import fc from 'fast-check'
import { coldStart } from '#functions/cold-start.ts'
import { createFallback } from '#functions/fallback/fallback.ts'
import { handler as fallbackHandler } from '#functions/fallback/handler.ts'
import { handler as healthHandler } from '#functions/health/handler.ts'
import { problemDetails } from '#functions/problem-details.ts'
import { ConfigError } from '#lib/config.ts'
import { WarrenError } from '#lib/errors.ts'
import { codeOf } from '../support/errors.ts'
import { lambdaContext, restEvent } from '../support/events.ts'
import { recordedLog, request } from '../support/requests.ts'

describe('problemDetails', () => {
  const throwing = (thrown: unknown) => {
    const { log, lines } = recordedLog()
    const handler = middy<APIGatewayProxyEvent, APIGatewayProxyResult>(() =>
      Promise.reject(thrown),
    ).use(problemDetails(log))
    return { handler, lines }
  }

  test('answers for a handler that throws, with the request’s id, and logs it', async () => {
    const { handler, lines } = throwing(new WarrenError('unroutable'))
    const { statusCode, headers, body } = await handler(restEvent(), lambdaContext())
    assert.equal(statusCode, 422)
    assert.equal(headers?.['content-type'], 'application/problem+json')
    assert.deepEqual(
      [JSON.parse(body).code, JSON.parse(body).instance],
      ['unroutable', 'request-1'],
    )
    assert.deepEqual([lines.length, lines[0]?.['requestId']], [1, 'request-1'])
  })

  test('never answers 2xx, and never shows what was thrown', async () => {
    await fc.assert(
      fc.asyncProperty(fc.anything(), async (thrown) => {
        const { handler } = throwing(thrown)
        const { statusCode, body } = await handler(restEvent(), lambdaContext())
        assert.deepEqual([statusCode, JSON.parse(body).code], [500, 'internal'])
      }),
    )
  })

  test('answers even for an event that is none', async () => {
    const { handler } = throwing(new Error('no event'))
    const result = await handler({} as APIGatewayProxyEvent, lambdaContext())
    assert.equal(result.statusCode, 500)
  })
})

describe('a cold start', () => {
  test('gives what was wired', () => {
    const { log, lines } = recordedLog()
    const wired = { is: 'wired' }
    assert.equal(coldStart(() => wired, log, 'internal')(), wired)
    assert.deepEqual(lines, [])
  })

  test('with wrong settings logs all of them once, and tells callers none', () => {
    const { log, lines } = recordedLog()
    const problems = ['LOG_LEVEL must be one of …', 'AMQP_URL must be a URL']
    const get = coldStart(
      () => {
        throw new ConfigError(problems)
      },
      log,
      'broker-misconfigured',
    )
    for (const _ of [1, 2]) {
      assert.throws(
        get,
        (error) =>
          error instanceof WarrenError &&
          error.code === 'broker-misconfigured' &&
          !/LOG_LEVEL|AMQP_URL/.test(error.message),
      )
    }
    assert.equal(lines.length, 1)
    for (const problem of problems) assert.ok(String(lines[0]?.['err']).includes(problem))
  })

  test('that fails for another reason is a bug', () => {
    const { log } = recordedLog()
    const get = coldStart(
      () => {
        throw new TypeError('x')
      },
      log,
      'broker-misconfigured',
    )
    assert.equal(codeOf(get), 'internal')
  })
})

describe('the fallback', () => {
  const ask = async (method: string, path: string) => {
    const { log } = recordedLog()
    const { status, headers, body } = await createFallback(log)(request({ method, path }))
    return { status, allow: headers['allow'], code: JSON.parse(body).code }
  }

  for (const [method, path, status, code, allow] of [
    ['GET', '/', 404, 'not-found', undefined],
    ['POST', '/publish', 404, 'not-found', undefined],
    ['GET', '/publish/orders', 405, 'method-not-allowed', 'POST'],
    ['POST', '/health', 405, 'method-not-allowed', 'GET'],
    ['POST', '/health/ready', 405, 'method-not-allowed', 'GET'],
    ['POST', '/docs/docs.js', 405, 'method-not-allowed', 'GET'],
    ['GET', '/a//b', 400, 'invalid-request', undefined],
    ['POST', '/publish/orders', 404, 'not-found', undefined],
  ] as const) {
    test(`answers ${status} to ${method} ${path}`, async () =>
      assert.deepEqual(await ask(method, path), { status, allow, code }))
  }

  test('answers API Gateway', async () => {
    const event = restEvent({ method: 'GET', resource: '/{proxy+}', path: '/nope' })
    const { statusCode, body } = await fallbackHandler(event, lambdaContext())
    assert.deepEqual([statusCode, JSON.parse(body).code], [404, 'not-found'])
  })
})

test('health answers what the predecessor’s did', async () => {
  const { statusCode, body } = await healthHandler(
    restEvent({ method: 'GET', resource: '/health', path: '/health' }),
    lambdaContext(),
  )
  assert.deepEqual([statusCode, body], [200, '{"status":"ok"}'])
})
