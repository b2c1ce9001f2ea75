import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Env } from '#lib/config.ts'
import { startEdge } from '../support/edge.ts'
import { assertProblem } from '../support/problems.ts'
import { lines, type RawAnswer, sendRaw } from '../support/raw-http.ts'
import { until } from '../support/until.ts'
import { type Answer, startTripwire, startUpstream } from '../support/upstream.ts'

test('a token over its rate and burst is told to wait a second; another token is not', async (t) => {
  const { ask } = await start(t, { RATE_PER_TOKEN: '1' })
  const mine = () => ask('/publish/x', 'Authorization: Bearer mine')
  const refused = await assertBurst(mine)
  assertProblem(refused, 'rate-limited')
  assert.equal(refused.headers.get('retry-after'), '1')
  assert.equal((await ask('/publish/x', 'Authorization: Bearer yours')).status, 200)
  await until('the token is served again', async () => (await mine()).status === 200)
})

test('a token is the same however its scheme is written', async (t) => {
  const { ask } = await start(t, { RATE_PER_TOKEN: '1' })
  const spellings = ['Bearer mine', 'bearer   mine', 'BEARER mine', 'mine', 'Bearer mine ']
  let next = 0
  await assertBurst(() =>
    ask('/publish/x', `Authorization: ${spellings[next++ % spellings.length]}`),
  )
})

test('long tokens are told apart, and requests without one are not counted', async (t) => {
  const { ask } = await start(t, { RATE_PER_TOKEN: '1' })
  for (const end of ['1', '2', '3', '4', '5', '6']) {
    const token = `Authorization: Bearer ${'x'.repeat(8_000)}${end}`
    assert.equal((await ask('/publish/x', token)).status, 200)
    assert.equal((await ask('/health')).status, 200)
  }
})

test('an address over its rate gets 429 from API and console together; others are served', async (t) => {
  const { ask } = await start(t, {
    RATE_PER_ADDRESS: '1',
    TRUSTED_PROXIES: '127.0.0.1',
    CONSOLE_ENABLED: '1',
    CONSOLE_ALLOW: '192.0.2.0/24',
  })
  const paths = ['/rabbitmq/', '/health', '/publish/x']
  let next = 0
  const mine = () => ask(paths[next++ % 3] as string, 'X-Forwarded-For: 192.0.2.1')
  assertProblem(await assertBurst(mine), 'rate-limited')
  assert.equal((await ask('/health', 'X-Forwarded-For: 192.0.2.2')).status, 200)
})

test('all addresses of an IPv6 network of 64 bits count as one', async (t) => {
  const { ask } = await start(t, { RATE_PER_ADDRESS: '1', TRUSTED_PROXIES: '127.0.0.1' })
  let host = 0
  await assertBurst(() => ask('/health', `X-Forwarded-For: 2001:db8:0:a::${++host}`))
  assert.equal((await ask('/health', 'X-Forwarded-For: 2001:db8:0:b::1')).status, 200)
})

test('an address with too many requests under way gets 429', async (t) => {
  const held: (() => void)[] = []
  const answer: Answer = (_, response) => void held.push(() => void response.end())
  const { ask } = await start(t, { CONNECTIONS_PER_ADDRESS: '2' }, answer)
  const asked = [ask('/publish/x'), ask('/publish/x'), ask('/publish/x')]
  assertProblem(await Promise.race(asked), 'rate-limited')
  await until('the API has the other two', () => held.length === 2)
  for (const release of held) release()
  const statuses = (await Promise.all(asked)).map(({ status }) => status)
  assert.deepEqual(statuses.toSorted(), [200, 200, 429])
})

/**
 * Sends more requests at once than a rate of one a second lets through: itself and a burst of twice
 * that, and one more for every second that the sending took. Gives one that was refused.
 */
async function assertBurst(ask: () => Promise<RawAnswer>): Promise<RawAnswer> {
  const startedMs = performance.now()
  const answers = await Promise.all(Array.from({ length: 12 }, ask))
  const seconds = (performance.now() - startedMs) / 1000
  const served = answers.filter(({ status }) => status === 200).length
  assert.ok(served >= 3 && served <= 3 + Math.ceil(seconds), `${served} served in ${seconds} s`)
  const refused = answers.filter(({ status }) => status === 429)
  assert.equal(served + refused.length, 12)
  return refused[0] as RawAnswer
}

async function start(t: TestContext, env: Env, answer?: Answer) {
  const upstream = await startUpstream(t, answer === undefined ? {} : { answer })
  const console = await startTripwire(t)
  const edge = await startEdge(t, {
    API_URL: `http://127.0.0.1:${upstream.port}`,
    CONSOLE_URL: `http://127.0.0.1:${console.port}`,
    ...env,
  })
  const ask = (path: string, ...headers: readonly string[]) =>
    sendRaw(edge.port, lines(`GET ${path} HTTP/1.1`, 'Host: edge.test', ...headers))
  return { ask }
}
