import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Env } from '#lib/config.ts'
import { startEdge } from '../support/edge.ts'
import { assertProblem } from '../support/problems.ts'
import { lines, sendRaw } from '../support/raw-http.ts'
import { startTripwire, startUpstream } from '../support/upstream.ts'

test('the console is closed to an address that is not allowed, whatever it says of itself', async (t) => {
  const { ask, tripwire } = await start(t, { CONSOLE_ALLOW: '10.0.0.0/8' })
  const forged = ['X-Forwarded-For: 10.0.0.1', 'X-Real-IP: 10.0.0.1', 'Forwarded: for=10.0.0.1']
  assertProblem(await ask('/rabbitmq/api/users', ...forged), 'forbidden-address')
  assertProblem(await ask('/rabbitmq/'), 'forbidden-address')
  assert.equal(tripwire.connections(), 0)
})

test('the console is open to an allowed address', async (t) => {
  const { ask } = await start(t, { CONSOLE_ALLOW: '127.0.0.1' })
  assert.equal((await ask('/rabbitmq/api/users')).body, 'tripped')
})

test('behind a trusted proxy the address that it names counts, and only the last that is not trusted', async (t) => {
  const { ask, upstream } = await start(t, {
    TRUSTED_PROXIES: '127.0.0.1',
    CONSOLE_ALLOW: '10.0.0.0/8',
  })
  assert.equal((await ask('/rabbitmq/', 'X-Forwarded-For: 10.1.2.3')).body, 'tripped')
  const claimed = 'X-Forwarded-For: 10.1.2.3, 192.0.2.1'
  assertProblem(await ask('/rabbitmq/', claimed), 'forbidden-address')
  await ask('/health', claimed)
  assert.equal(upstream.received[0]?.headers['x-forwarded-for'], '192.0.2.1')
})

test('the address of a trusted proxy never opens the console, even where it is allowed', async (t) => {
  const { ask, tripwire } = await start(t, {
    TRUSTED_PROXIES: '127.0.0.1',
    CONSOLE_ALLOW: '127.0.0.0/8, 10.0.0.0/8',
  })
  for (const said of [[], ['X-Forwarded-For: 127.0.0.1'], ['X-Forwarded-For: nonsense']]) {
    assertProblem(await ask('/rabbitmq/', ...said), 'forbidden-address')
  }
  assert.equal(tripwire.connections(), 0)
})

test('the header of the address is a setting, and another one is not believed', async (t) => {
  const { ask, upstream } = await start(t, {
    TRUSTED_PROXIES: '127.0.0.1',
    REAL_IP_HEADER: 'CF-Connecting-IP',
  })
  await ask('/health', 'CF-Connecting-IP: 192.0.2.9', 'X-Forwarded-For: 10.1.2.3')
  assert.equal(upstream.received[0]?.headers['x-forwarded-for'], '192.0.2.9')
  assert.equal(upstream.received[0]?.headers['x-real-ip'], '192.0.2.9')
})

test('without the console, its addresses are 404 and nothing is passed on', async (t) => {
  const { ask, tripwire, upstream } = await start(t, { CONSOLE_ENABLED: '0' })
  for (const path of ['/rabbitmq', '/rabbitmq/', '/rabbitmq/api/users', '/rabbitmq/../health']) {
    const answer = await ask(path)
    assertProblem(answer, path.includes('..') ? 'invalid-request' : 'not-found')
  }
  assert.equal(tripwire.connections(), 0)
  assert.deepEqual(upstream.received, [])
})

async function start(t: TestContext, env: Env) {
  const upstream = await startUpstream(t)
  const tripwire = await startTripwire(t)
  const edge = await startEdge(t, {
    API_URL: `http://127.0.0.1:${upstream.port}`,
    CONSOLE_URL: `http://127.0.0.1:${tripwire.port}`,
    CONSOLE_ENABLED: '1',
    ...env,
  })
  const ask = (path: string, ...headers: readonly string[]) =>
    sendRaw(edge.port, lines(`GET ${path} HTTP/1.1`, 'Host: edge.test', ...headers))
  return { ask, tripwire, upstream }
}
