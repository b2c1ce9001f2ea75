import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { WarrenError } from '#lib/errors.ts'
import { createRouter, REST_API_ROUTES, ROUTES } from '#lib/http/routes.ts'
import { codeOf } from '../support/errors.ts'

const routeFor = createRouter(ROUTES)

describe('the route of', () => {
  for (const [method, path, route] of [
    ['GET', '/health', 'health'],
    ['GET', '/health/', 'health'],
    ['POST', '/publish/orders', 'publish'],
    ['POST', '/publish/a/b%2Fc/', 'publish'],
    ['GET', '/docs', 'docs'],
    ['GET', '/docs/', 'docs'],
    ['GET', '/docs/docs.js', 'docsAsset'],
  ] as const) {
    test(`${method} ${path} is ${route}`, () => assert.equal(routeFor(method, path), route))
  }

  for (const [method, path, code] of [
    ['GET', '/', 'not-found'],
    ['POST', '/publish', 'not-found'],
    ['POST', '/publish/', 'not-found'],
    ['POST', '/PUBLISH/orders', 'not-found'],
    ['POST', '/publish%2Forders', 'not-found'],
    ['GET', '/he%61lth', 'not-found'],
    ['GET', '/health/x', 'not-found'],
    ['GET', '/health/ready', 'not-found'],
    ['POST', '/docs', 'method-not-allowed'],
    ['GET', '/constructor', 'not-found'],
    ['POST', '//publish/orders', 'invalid-request'],
    ['PATCH', '/publish/../health', 'invalid-request'],
    ['GET', '/%2e%2e/etc/passwd', 'invalid-request'],
    ['GET', '/%ZZ', 'invalid-request'],
    ['GET', '/publish/orders', 'method-not-allowed'],
    ['OPTIONS', '/publish/orders', 'method-not-allowed'],
    ['post', '/publish/orders', 'method-not-allowed'],
    ['POST', '/health', 'method-not-allowed'],
  ] as const) {
    test(`${method} ${path} is none: ${code}`, () =>
      assert.equal(
        codeOf(() => routeFor(method, path)),
        code,
      ))
  }

  test('GET /health/ready is one on API Gateway, where it is behind the authorizer', () => {
    const routeBehind = createRouter(REST_API_ROUTES)
    assert.equal(routeBehind('GET', '/health/ready'), 'ready')
    assert.equal(
      codeOf(() => routeBehind('POST', '/health/ready')),
      'method-not-allowed',
    )
  })

  test('another method comes with those that are allowed', () => {
    assert.throws(
      () => routeFor('DELETE', '/publish/orders'),
      (error) => error instanceof WarrenError && error.context.headers?.['allow'] === 'POST',
    )
  })
})
