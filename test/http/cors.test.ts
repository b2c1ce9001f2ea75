import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { type Api, startTestApi, TOKEN } from '../support/api.ts'
import { endOfFile } from '../support/ending.ts'
import { send } from '../support/send.ts'

// A browser's page on API Gateway: some answers are a function's, some API Gateway's own.
const ORIGIN = 'https://shop.example'
const ending = endOfFile()
let api: Api

before(async () => {
  const env = { AMQP_URL: 'amqp://127.0.0.1:1', CORS_ORIGINS: ORIGIN }
  api = await startTestApi(ending, { env })
})

const PREFLIGHT = {
  method: 'OPTIONS',
  path: '/publish/orders',
  headers: {
    origin: ORIGIN,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,content-type',
  },
}

test('a page of a named origin may ask before it publishes', async () => {
  const answer = await send(api.origin, PREFLIGHT)
  assert.equal(answer.status, 204)
  assert.partialDeepStrictEqual(answer.headers, {
    'access-control-allow-origin': ORIGIN,
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': 'authorization,content-type',
  })
})

test('a page of another origin gets the answer of everybody, and no leave to read it', async () => {
  const headers = { ...PREFLIGHT.headers, origin: 'https://elsewhere.example' }
  const answer = await send(api.origin, { ...PREFLIGHT, headers })
  assert.equal(answer.status, 405)
  assert.equal(answer.headers['access-control-allow-origin'], undefined)
})

for (const [name, authorization, status] of [
  ["a function's", `Bearer ${TOKEN}`, 503],
  ["API Gateway's own", 'Bearer unknown', 401],
] as const) {
  test(`a page may read an error of ${name}`, async () => {
    const headers = { origin: ORIGIN, authorization }
    const answer = await send(api.origin, { path: '/publish/orders', headers, body: 'x' })
    assert.equal(answer.status, status)
    assert.equal(answer.headers['access-control-allow-origin'], ORIGIN)
  })
}
