import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { freePorts } from '#infra/local/ports.ts'
import { startEdge } from '../support/edge.ts'
import { assertProblem } from '../support/problems.ts'
import { lines, sendRaw } from '../support/raw-http.ts'
import { startUpstream } from '../support/upstream.ts'

const upstream = await startUpstream({ after })
const edge = await startEdge({ after }, { API_URL: `http://127.0.0.1:${upstream.port}` })
const HOST = 'Host: edge.test'

const send = (line: string, ...headers: readonly string[]) =>
  sendRaw(edge.port, lines(line, HOST, ...headers))

test('an answer of nginx has the request id of the access log as its instance', async () => {
  const { instance } = assertProblem(await send('GET //x HTTP/1.1'), 'invalid-request')
  const logged = await edge.logged('the line with its id', (all) =>
    all.find(({ requestId }) => requestId === instance),
  )
  assert.deepEqual([logged.method, logged.path, logged.status], ['GET', '//x', 400])
})

test('what is not HTTP is an invalid request', async () => {
  for (const line of [
    'get /health HTTP/1.1',
    '/health',
    'GET /health HTTP/3.1',
    'GET /a b HTTP/1.1',
  ]) {
    assertProblem(await send(line), 'invalid-request')
  }
})

test('a path that nginx and the API could read differently, or not at all, is an invalid request', async () => {
  const paths = ['/a//b', '/a/../b', '/a/%2e%2E/b', '/a%2F.', '/..', '/%zz', '/%00', '/a#b', '/é']
  for (const path of paths) {
    assertProblem(await send(`POST ${path} HTTP/1.1`, 'Content-Length: 0'), 'invalid-request')
  }
  assert.deepEqual(upstream.received, [])
})

test("dots and slashes in the query are nobody's business", async () => {
  assert.equal((await send('GET /health?a=/../b//c#d HTTP/1.1')).status, 200)
})

test('the pages of the problems are not there for callers', async () => {
  assertProblem(await send('GET /.problem/502 HTTP/1.1'), 'not-found')
})

test("methods that Node does not know, and TRACE, are 405 with the route's own methods", async () => {
  for (const method of ['TRACE', 'BREW', 'PRI', 'PROPFIND']) {
    const answer = await send(`${method} /publish/orders HTTP/1.1`)
    assertProblem(answer, 'method-not-allowed')
    assert.equal(answer.headers.get('allow'), 'POST')
  }
  // A malformed request to nginx 1.30, a method to 1.22.
  const { status } = await send('CONNECT /publish/orders HTTP/1.1')
  assert.ok(status === 400 || status === 405)
  assert.deepEqual(
    upstream.received.filter(({ method }) => method !== 'GET'),
    [],
  )
})

test('an address over 16 KiB is 414, a header line over 16 KiB 431', async () => {
  const long = 'a'.repeat(16 * 1024)
  assertProblem(await send(`GET /${long} HTTP/1.1`), 'uri-too-long')
  assertProblem(await send('GET /health HTTP/1.1', `X: ${long}`), 'headers-too-large')
})

test('HEAD gets the headers of the problem and no body', async () => {
  const answer = await sendRaw(edge.port, lines('HEAD //x HTTP/1.1', HOST, 'Connection: close'), {
    untilEnd: true,
  })
  assert.equal(answer.status, 400)
  assert.equal(answer.headers.get('content-type'), 'application/problem+json')
  assert.equal(answer.body, '')
})

test('a dead API is 502 gateway-lost, outcome unknown, for POST as for GET', async (t) => {
  const [nobody] = (await freePorts(1)) as [number]
  const dead = await startEdge(t, { API_URL: `http://127.0.0.1:${nobody}` })
  for (const method of ['GET', 'POST']) {
    const answer = await sendRaw(
      dead.port,
      lines(`${method} /publish/x HTTP/1.1`, HOST, 'Content-Length: 0'),
    )
    assertProblem(answer, 'gateway-lost')
  }
})

test('an API that ends the connection without an answer is 502, and is not asked again', async (t) => {
  const hangsUp = await startUpstream(t, { answer: (_, response) => response.socket?.destroy() })
  const front = await startEdge(t, { API_URL: `http://127.0.0.1:${hangsUp.port}` })
  const answer = await sendRaw(
    front.port,
    `${lines('POST /publish/x HTTP/1.1', HOST, 'Content-Length: 2')}{}`,
  )
  assertProblem(answer, 'gateway-lost')
  assert.equal(hangsUp.received.length, 1)
})

test('an API that never answers is 504 gateway-lost within 8 s', async (t) => {
  const silent = await startUpstream(t, { answer: () => {} })
  const front = await startEdge(t, { API_URL: `http://127.0.0.1:${silent.port}` })
  const startedMs = performance.now()
  const request = lines('POST /publish/x HTTP/1.1', HOST, 'Content-Length: 0')
  const answer = await sendRaw(front.port, request)
  assertProblem(answer, 'gateway-lost', 504)
  // 7.6 s, and some for a busy machine.
  assert.ok(performance.now() - startedMs < 10_000)
})

test('a failure that the API itself tells passes untouched', async (t) => {
  const body = '{"code":"nacked","status":503,"made":"by the API"}'
  const failing = await startUpstream(t, {
    answer: (_, response) => {
      const headers = { 'Content-Type': 'application/problem+json', 'Retry-After': '7' }
      response.writeHead(503, headers).end(body)
    },
  })
  const front = await startEdge(t, { API_URL: `http://127.0.0.1:${failing.port}` })
  const answer = await fetch(`${front.origin}/publish/x`)
  assert.equal(answer.status, 503)
  assert.equal(answer.headers.get('retry-after'), '7')
  assert.equal(answer.headers.get('cache-control'), null)
  assert.equal(await answer.text(), body)
})

test('every answer, of nginx or from behind it, has the security headers once', async () => {
  for (const path of ['/health', '//']) {
    const { headers } = await fetch(edge.origin + path)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('x-frame-options'), 'DENY')
    assert.equal(headers.get('referrer-policy'), 'no-referrer')
    assert.equal(headers.get('server'), 'nginx')
    assert.equal(headers.get('strict-transport-security'), null)
  }
})
