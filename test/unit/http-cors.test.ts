import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCors } from '#lib/http/cors.ts'

const PAGE = 'https://app.example.com'
const request = (method: string, headers: Record<string, string>) => ({
  method,
  path: '/publish/orders',
  headers: new Map(Object.entries(headers).map(([name, value]) => [name, [value]])),
})
const answer = { status: 200, headers: { 'content-type': 'application/json' }, body: '{}' }
const ask = { origin: PAGE, 'access-control-request-method': 'POST' }

test('without origins nothing is added, and OPTIONS is a method like any other', () => {
  const cors = createCors([])
  assert.equal(cors.preflight(request('OPTIONS', ask)), undefined)
  assert.equal(cors.allow(request('POST', { origin: PAGE }), answer), answer)
})

test('a page of a named origin may call and read the answer; others get no leave', () => {
  const cors = createCors([PAGE])
  const headers = cors.preflight(
    request('OPTIONS', { ...ask, 'access-control-request-headers': 'authorization' }),
  )?.headers
  assert.equal(headers?.['access-control-allow-origin'], PAGE)
  assert.equal(headers?.['access-control-allow-methods'], 'POST')
  assert.equal(headers?.['access-control-allow-headers'], 'authorization')
  assert.equal(
    cors.allow(request('POST', { origin: PAGE }), answer).headers['access-control-allow-origin'],
    PAGE,
  )
  assert.equal(cors.allow(request('POST', { origin: PAGE }), answer).headers['vary'], 'Origin')
  const varying = { ...answer, headers: { ...answer.headers, vary: 'Accept-Encoding' } }
  const both = cors.allow(request('GET', { origin: PAGE }), varying).headers
  assert.equal(both['vary'], 'Accept-Encoding, Origin')
  for (const origin of ['https://evil.example.com', 'null', `${PAGE}.evil.com`]) {
    assert.equal(cors.preflight(request('OPTIONS', { ...ask, origin })), undefined)
    assert.equal(cors.allow(request('POST', { origin }), answer), answer)
  }
})

test('no answer ever allows credentials', () => {
  const cors = createCors(['*'])
  const marked = cors.allow(request('POST', { origin: PAGE }), answer).headers
  assert.equal(marked['access-control-allow-origin'], PAGE)
  assert.equal(marked['access-control-allow-credentials'], undefined)
})

test('OPTIONS that asks nothing is no preflight', () => {
  const cors = createCors([PAGE])
  assert.equal(cors.preflight(request('OPTIONS', { origin: PAGE })), undefined)
  assert.equal(cors.preflight(request('POST', ask)), undefined)
})
