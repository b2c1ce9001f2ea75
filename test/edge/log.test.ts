import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePorts } from '#infra/local/ports.ts'
import { startDns } from '../support/dns.ts'
import { nginxBinary, startEdge } from '../support/edge.ts'
import { lines, sendRaw } from '../support/raw-http.ts'
import { until } from '../support/until.ts'
import { startUpstream } from '../support/upstream.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

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

test('a log that nobody reads keeps no request waiting, and is told what is missing', async (t) => {
  const upstream = await startUpstream(t)
  const [port] = (await freePorts(1)) as [number]
  const home = await mkdtemp(join(tmpdir(), 'warren-edge-log-'))
  await chmod(home, 0o711) // Workers of a master that root starts are nobody.
  const child = spawn(process.execPath, ['infra/edge/main.ts'], {
    cwd: ROOT,
    env: {
      PATH: `${process.env['PATH']}:${dirname(nginxBinary())}`,
      API_URL: `http://127.0.0.1:${upstream.port}`,
      ACCESS_LOG: '/dev/stdout',
      EDGE_HOME: home,
      EDGE_PORT: String(port),
      RATE_PER_ADDRESS: '100000',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'exit')
  t.after(async () => {
    child.kill('SIGKILL')
    await rm(home, { recursive: true, force: true })
  })
  const publish = async () => {
    const url = `http://127.0.0.1:${port}/publish/${'x'.repeat(1000)}`
    return (await fetch(url, { method: 'POST', signal: AbortSignal.timeout(5000) })).status
  }
  await until('listening', () =>
    publish().then(
      () => true,
      () => false,
    ),
  )
  const LINES = 3000
  for (let done = 0; done < LINES; done += 50) {
    const statuses = await Promise.all(Array.from({ length: 50 }, publish))
    assert.deepEqual(new Set(statuses), new Set([200]))
  }
  const lines: { message: string; dropped?: number }[] = []
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line)))
  const { dropped = 0 } = await until('notice', () =>
    lines.find((line) => line.dropped !== undefined),
  )
  child.kill('SIGTERM')
  assert.deepEqual(await ended, [0, null])
  const told = lines.filter(({ message }) => message === 'request answered').length
  assert.equal(told + dropped, LINES + 1)
})
