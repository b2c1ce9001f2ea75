import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startDns } from '../support/dns.ts'
import { startEdge } from '../support/edge.ts'
import { lines, sendRaw } from '../support/raw-http.ts'
import { until } from '../support/until.ts'
import { startUpstream } from '../support/upstream.ts'

test('the API gets path and query exactly as the caller wrote them', async (t) => {
  const upstream = await startUpstream(t)
  const edge = await startEdge(t, { API_URL: `http://127.0.0.1:${upstream.port}` })
  const targets = [
    '/publish/a%2Fb/c?routing_key=x%20y&q=%2F..%2F',
    "/publish/%C3%A9!$&'()*+,;=:@~",
    '/publish/x/?',
    '/publish/..a/.b.',
    '/publish/%7E%252e',
  ]
  for (const target of targets) await sendRaw(edge.port, lines(`GET ${target} HTTP/1.1`, 'Host: a'))
  assert.deepEqual(
    upstream.received.map(({ url }) => url),
    targets,
  )
})

test('of an absolute request target the API gets the path alone, and that host', async (t) => {
  const upstream = await startUpstream(t)
  const edge = await startEdge(t, { API_URL: `http://127.0.0.1:${upstream.port}` })
  await sendRaw(edge.port, lines('GET http://evil.example:99/health?x HTTP/1.1', 'Host: a'))
  await sendRaw(edge.port, lines('GET http://evil.example HTTP/1.1', 'Host: a'))
  assert.deepEqual(
    upstream.received.map(({ url, headers }) => [url, headers.host]),
    [
      ['/health?x', 'evil.example'],
      ['/', 'evil.example'],
    ],
  )
})

test('what a caller says of hops, addresses and itself is overwritten, the rest is kept', async (t) => {
  const upstream = await startUpstream(t)
  const edge = await startEdge(t, { API_URL: `http://127.0.0.1:${upstream.port}` })
  const said = {
    'X-Forwarded-For': '10.9.9.9',
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-Host': 'evil.example',
    'X-Forwarded-Port': '99',
    'X-Real-IP': '10.9.9.9',
    'X-Request-Id': 'evil',
    Forwarded: 'for=10.9.9.9',
    Proxy: 'http://evil.example',
    TE: 'trailers',
    'Keep-Alive': '300',
    Upgrade: 'h2c',
    Connection: 'close, upgrade',
    'AMQP-Type': 'order',
    AMQP_Type: 'kept, for the API to refuse',
    'AMQP-Odd.Name': 'kept, for the API to refuse',
    Authorization: 'Bearer t',
  }
  const fields = Object.entries(said).map(([name, value]) => `${name}: ${value}`)
  await sendRaw(edge.port, lines('GET /health HTTP/1.1', 'Host: Edge.Test:8080', ...fields))
  const { 'x-request-id': id, ...headers } = upstream.received[0]?.headers ?? {}
  assert.match(String(id), /^[0-9a-f]{32}$/)
  assert.deepEqual(headers, {
    host: 'edge.test',
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': 'edge.test',
    'x-forwarded-port': String(edge.port),
    'x-real-ip': '127.0.0.1',
    'amqp-type': 'order',
    amqp_type: 'kept, for the API to refuse',
    'amqp-odd.name': 'kept, for the API to refuse',
    authorization: 'Bearer t',
  })
})

test('a caller of HTTP/1.0 without a Host is served', async (t) => {
  const upstream = await startUpstream(t)
  const edge = await startEdge(t, { API_URL: `http://127.0.0.1:${upstream.port}` })
  const request = `${lines('POST /publish/x HTTP/1.0', 'Content-Length: 2')}{}`
  assert.equal((await sendRaw(edge.port, request)).status, 200)
  assert.equal(upstream.received[0]?.bytes, 2)
})

test('an API that is a name not yet known is 502, and is found once the name is there', async (t) => {
  const upstream = await startUpstream(t)
  const dns = await startDns(t)
  const edge = await startEdge(t, {
    API_URL: `http://gateway.test:${upstream.port}`,
    RESOLVERS: dns.address,
  })
  assert.equal((await fetch(`${edge.origin}/health`)).status, 502)
  dns.add('gateway.test')
  await until('the name is looked up again', async () => {
    const { status } = await fetch(`${edge.origin}/publish/a%2Fb?x`)
    return status === 200
  })
  assert.equal(upstream.received[0]?.url, '/publish/a%2Fb?x')
})

test('connections to an API at a fixed address are kept', async (t) => {
  const ports = new Set<number | undefined>()
  const upstream = await startUpstream(t, {
    answer: (_, response) => {
      ports.add(response.socket?.remotePort)
      response.end()
    },
  })
  const edge = await startEdge(t, { API_URL: `http://127.0.0.1:${upstream.port}` })
  for (let count = 0; count < 20; count += 1) {
    assert.equal((await fetch(`${edge.origin}/health`)).status, 200)
  }
  // One for each of the two workers.
  assert.ok(ports.size <= 2, `${ports.size} connections for 20 requests`)
})

test('an upstream cannot make nginx fetch another address', async (t) => {
  const upstream = await startUpstream(t, {
    answer: (_, response) => {
      response.setHeader('X-Accel-Redirect', '/rabbitmq/api/users')
      response.end('plain')
    },
  })
  const edge = await startEdge(t, { API_URL: `http://127.0.0.1:${upstream.port}` })
  const answer = await fetch(`${edge.origin}/health`)
  assert.equal(await answer.text(), 'plain')
})
