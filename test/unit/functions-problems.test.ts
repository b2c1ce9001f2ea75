import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { handler as openapiHandler } from '#functions/openapi/handler.ts'
import { handler as problemsHandler } from '#functions/problems/handler.ts'
import { createProblems } from '#functions/problems/problems.ts'
import { PROBLEMS, type ProblemCode } from '#lib/errors.ts'
import { toHtml } from '#lib/http/html.ts'
import { assertDocumented } from '../support/documented.ts'
import { lambdaContext, restEvent } from '../support/events.ts'
import { recordedLog, request } from '../support/requests.ts'

const get = (path: string) => createProblems(recordedLog().log)(request({ method: 'GET', path }))

describe('what a problem means', () => {
  for (const code of Object.keys(PROBLEMS) as ProblemCode[]) {
    test(`is told for ${code}, on a page that needs nothing else`, async () => {
      const { status, headers, body } = await get(`/problems/${code}`)
      const contentType = headers['content-type'] ?? ''
      assertDocumented('GET', `/problems/${code}`, { status, contentType, body })
      assert.equal(status, 200)
      assert.match(headers['content-security-policy'] ?? '', /default-src 'none'/)
      assert.ok(body.includes(toHtml(PROBLEMS[code].title)))
      assert.ok(body.includes(toHtml(PROBLEMS[code].detail)))
      assert.doesNotMatch(body, /<script|https?:|<token>|undefined|`/)
    })
  }

  for (const path of [
    '/problems/nope',
    '/problems/constructor',
    '/problems/not-found/x',
    '/problems/',
  ]) {
    test(`is not told at ${path}`, async () => assert.equal((await get(path)).status, 404))
  }

  test('says that an unknown outcome needs the same id', async () => {
    assert.match(
      (await get('/problems/confirm-timeout')).body,
      /not known.*same <code>Idempotency-Key/s,
    )
    assert.match(
      (await get('/problems/unroutable')).body,
      /Nothing was published.*No\. The same request/s,
    )
  })
})

test('API Gateway serves it, and the document for programs', async () => {
  for (const resource of ['/problems/{code}', '/problems/{code+}']) {
    const event = restEvent({
      method: 'GET',
      resource,
      path: '/v1/problems/nacked',
      matched: 'nacked',
    })
    const { statusCode, body } = await problemsHandler(event, lambdaContext())
    assert.equal(statusCode, 200)
    assert.match(body, /A queue refused the message/)
  }
  const document = await openapiHandler(restEvent({ method: 'GET' }), lambdaContext())
  assert.equal(JSON.parse(document.body).openapi, '3.1.1')
})

test('a text becomes HTML and nothing else', () => {
  assert.equal(
    toHtml(`<a href="x">'&'</a> \`b<c\``),
    '&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt; <code>b&lt;c</code>',
  )
})
