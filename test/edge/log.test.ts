import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freePorts } from '#infra/local/ports.ts'
import { startDns } from '../support/dns.ts'
import { startEdge } from '../support/edge.ts'
import { lines, sendRaw } from '../support/raw-http.ts'
import { startUpstream } from '../support/upstream.ts'

test('a request is one JSON line: who, what, how it ended, how long it took', async (t) => {
  const upstream = await startUpstream(t)
  const edge = await startEdge(t, { API_URL: `http://127.0.0.1:${upstream.port}` })
  const hostile = 'agent "with\\ quotes'
  await sendRaw(
    edge.port,
    lines('POST /publish/a%2Fb HTTP/1.1', 'Host: a', `User-Agent: ${hostile}`),
  )
  await sendRaw(edge.port, lines('DELETE //x HTTP/1.1', 'Host: a'))
  await sendRaw(edge.port, 'nonsense\r\n\r\n')
  const [good, refused, nonsense] = await edge.logged('three lines', (all) =>
    all.length < 3 ? undefined : all,
  )
  assert.partialDeepStrictEqual(good, {
    level: 'info',
    address: '127.0.0.1',
    method: 'POST',
    path: '/publish/a%2Fb',
    status: 200,
    upstream: `127.0.0.1:${upstream.port}`,
  })
  assert.equal(good?.requestId, upstream.received[0]?.headers['x-request-id'])
  assert.partialDeepStrictEqual(refused, {
    method: 'DELETE',
    path: '//x',
    status: 400,
    upstream: '',
  })
  assert.equal(nonsense?.status, 400)
})

test('no token, query, header or body is ever in a log, whatever goes wrong', async (t) => {
  const canary = 'c4n4ry'
  const [nobody] = (await freePorts(1)) as [number]
  const upstream = await startUpstream(t)
  const working = await startEdge(t, { API_URL: `http://127.0.0.1:${upstream.port}` })
  const dead = await startEdge(t, { API_URL: `http://127.0.0.1:${nobody}` })
  const unknown = await startEdge(t, {
    API_URL: 'http://gateway.test:80',
    RESOLVERS: (await startDns(t)).address,
    RATE_PER_ADDRESS: '1',
  })
  const headers = [
    `Authorization: Bearer ${canary}`,
    `Cookie: ${canary}`,
    `Referer: http://${canary}/`,
  ]
  const body = canary.repeat(20_000)
  for (const edge of [working, dead, unknown]) {
    for (const path of [
      '/publish/x',
      '//',
      '/rabbitmq/',
      '/publish/x',
      '/publish/x',
      '/publish/x',
    ]) {
      const head = lines(
        `POST ${path}?access_token=${canary} HTTP/1.1`,
        'Host: a',
        `Content-Length: ${body.length}`,
        ...headers,
      )
      await sendRaw(edge.port, head + body)
    }
    await sendRaw(edge.port, `GET /${canary.slice(0, 3)}?${canary} ${canary}\r\n\r\n`)
    await sendRaw(edge.port, lines(`GET /?${'a'.repeat(20_000)}${canary} HTTP/1.1`, ...headers))
    await edge.logged('a line for each request', (all) => all.length >= 8)
    const logs = await edge.logs()
    assert.ok(
      !logs.includes(canary),
      logs.split('\n').find((line) => line.includes(canary)),
    )
  }
})
