import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { TOKEN } from '../support/api.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { endOfFile } from '../support/ending.ts'
import { type Gateway, MAIN, startTestGateway } from '../support/gateway.ts'
import { type Observer, observe } from '../support/messages.ts'
import { lines, sendRaw } from '../support/raw-http.ts'
import { checkProblem } from '../support/run-cases.ts'
import { send } from '../support/send.ts'

const MIB = 1024 * 1024
const ending = endOfFile()
let broker: Broker
let observer: Observer
let gateway: Gateway

before(async () => {
  broker = await startBroker()
  ending.after(() => broker.dispose())
  observer = await observe(broker.amqpUrl)
  ending.after(() => observer.close())
  await observer.bind('orders', 'orders.q')
  gateway = await startTestGateway(ending, {
    AMQP_URL: broker.amqpUrl,
    MAX_INFLIGHT_BYTES: String(64 * MIB),
    REQUEST_TIMEOUT_MS: '2000',
  })
})

const AUTH = `Authorization: Bearer ${TOKEN}`
const port = () => Number(new URL(gateway.origin).port)
const publish = (body: Buffer | string, headers: Record<string, string> = {}) =>
  send(gateway.origin, {
    path: '/publish/orders',
    body,
    headers: { authorization: `Bearer ${TOKEN}`, ...headers },
  })

/** What a raw request is answered with. */
async function rawProblem(...request: readonly string[]) {
  const answer = await sendRaw(port(), lines(...request), { timeoutMs: 5000 })
  return { status: answer.status, ...(answer.body === '' ? {} : JSON.parse(answer.body)) }
}

test('bodies of every size arrive with the same SHA-256', async () => {
  for (const size of [0, 1, 65_536, MIB, 20 * MIB]) {
    const body = randomBytes(size)
    const answer = await publish(body, { 'content-type': 'image/png' })
    assert.equal(answer.status, 200, answer.body.toString())
    const got = await observer.channel.get('orders.q', { noAck: true })
    assert.ok(got !== false)
    const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
    assert.equal(digest(got.content), digest(body), `${size} bytes`)
  }
})

test('a body over 20 MiB is refused before it is read, and the caller can read why', async () => {
  const answer = await publish(Buffer.alloc(20 * MIB + 1))
  checkProblem(answer, 'body-too-large', { request: { path: '' } })
  assert.equal(answer.json()['maxBytes'], 20 * MIB)
})

test('a chunked body over 20 MiB is refused as well', async () => {
  const answer = await send(gateway.origin, {
    path: '/publish/orders',
    body: Buffer.alloc(20 * MIB + 1),
    chunked: true,
    headers: { authorization: `Bearer ${TOKEN}` },
  })
  checkProblem(answer, 'body-too-large', { request: { path: '' } })
})

test('100-continue is asked of callers only for what will be taken', async () => {
  const expecting = (token: string, length: number) =>
    sendRaw(
      port(),
      lines(
        'POST /publish/orders HTTP/1.1',
        'Host: x',
        `Authorization: Bearer ${token}`,
        `Content-Length: ${length}`,
        'Expect: 100-continue',
      ),
    )
  assert.equal((await expecting(TOKEN, 2)).status, 100)
  assert.equal((await expecting('wrong', 2)).status, 401)
  assert.equal((await expecting(TOKEN, 21 * MIB)).status, 413)
  const odd = await rawProblem('POST /publish/orders HTTP/1.1', 'Host: x', AUTH, 'Expect: tea')
  assert.deepEqual([odd.status, odd.code], [400, 'invalid-request'])
})

test('what no HTTP server should take is a problem of the status table', async () => {
  const cases: readonly [string, number, readonly string[]][] = [
    ['two hosts', 400, ['POST /publish/orders HTTP/1.1', 'Host: a', 'Host: b', AUTH]],
    ['no host', 400, ['POST /publish/orders HTTP/1.1', AUTH]],
    ['two tokens', 401, ['POST /publish/orders HTTP/1.1', 'Host: a', AUTH, AUTH]],
    ['absolute form', 400, ['POST http://evil/publish/orders HTTP/1.1', 'Host: a', AUTH]],
    ['asterisk form', 400, ['OPTIONS * HTTP/1.1', 'Host: a']],
    ['no HTTP', 400, ['hello']],
    [
      'length twice',
      400,
      ['POST /publish/orders HTTP/1.1', 'Host: a', 'Content-Length: 1', 'Content-Length: 2'],
    ],
    [
      'length and chunks',
      400,
      [
        'POST /publish/orders HTTP/1.1',
        'Host: a',
        'Content-Length: 1',
        'Transfer-Encoding: chunked',
      ],
    ],
    ['a folded header', 400, ['POST /publish/orders HTTP/1.1', 'Host: a', 'X: a', ' b']],
    ['large headers', 431, ['GET /health HTTP/1.1', 'Host: a', `X: ${'x'.repeat(40_000)}`]],
    ['a long address', 414, [`GET /${'x'.repeat(9000)} HTTP/1.1`, 'Host: a']],
  ]
  for (const [name, status, request] of cases) {
    const problem = await rawProblem(...request)
    assert.equal(problem.status, status, name)
    assert.equal(problem.outcome, 'not-published', name)
  }
})

test('a body that does not come is waited for no longer than REQUEST_TIMEOUT_MS', async () => {
  const started = performance.now()
  const answer = await rawProblem(
    'POST /publish/orders HTTP/1.1',
    'Host: a',
    AUTH,
    'Content-Length: 5',
  )
  assert.deepEqual([answer.status, answer.code], [408, 'request-timeout'])
  assert.ok(performance.now() - started < 5000)
})

test('too many bytes at once: each caller is taken or told overloaded, none fails otherwise', async () => {
  const body = randomBytes(20 * MIB)
  const answers = await Promise.all(Array.from({ length: 8 }, () => publish(body)))
  const statuses = answers.map(({ status }) => status)
  assert.ok(statuses.includes(200) && statuses.includes(503), statuses.join())
  for (const answer of answers) {
    if (answer.status !== 200) checkProblem(answer, 'overloaded', { request: { path: '' } })
  }
  const ids = await observer.ids('orders.q')
  assert.equal(ids.length, statuses.filter((status) => status === 200).length)
  // Nothing is held any more.
  assert.match(await metrics(), /^warren_held_body_bytes 0$/m)
})

test('a large JSON body does not keep small requests waiting', async () => {
  const large = Buffer.from(
    JSON.stringify({ list: Array.from({ length: 900_000 }, (_, i) => `item ${i}`) }),
  )
  const json = { 'content-type': 'application/json' }
  let running = true
  const waits: number[] = []
  const small = (async () => {
    while (running) {
      const started = performance.now()
      await send(gateway.origin, { method: 'GET', path: '/health' })
      waits.push(performance.now() - started)
    }
  })()
  assert.equal((await publish(large, json)).status, 200)
  assert.equal((await publish(large.subarray(1), json)).status, 400)
  running = false
  await small
  await observer.ids('orders.q')
  assert.ok(Math.max(...waits) < 500, `one waited ${Math.max(...waits)} ms`)
})

const metrics = async () =>
  (
    await send(gateway.adminOrigin, { method: 'GET', path: '/metrics', to: 'other' })
  ).body.toString()

test('a large batch has a result for each message, and what is nested too deeply is refused', async () => {
  const items = Array.from({ length: 1000 }, (_, i) => ({
    properties: { message_id: `item-${i}` },
    payload: 'x'.repeat(2000),
  }))
  const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
  const others = items.slice(1).map((item) => JSON.stringify(item))
  const body = `[${others},${nested(900)}]`
  const batch = (text: string) =>
    send(gateway.origin, {
      path: '/batch/orders',
      body: text,
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    })
  const answer = (await batch(body)).json() as { results: { status: number }[] }
  assert.equal(answer.results.length, 1000)
  assert.equal(answer.results.filter(({ status }) => status === 200).length, 999)
  assert.equal(answer.results[999]?.status, 400)
  const ids = items.slice(1).map(({ properties }) => properties.message_id)
  assert.deepEqual(await observer.ids('orders.q'), ids)
  checkProblem(await batch(body.slice(1)), 'malformed-json', { request: { path: '' } })
  // Nothing of it is published: how the rest of the text would be read is not known.
  const tooDeep = await batch(`[${others},${nested(200_000)}]`)
  checkProblem(tooDeep, 'malformed-json', { request: { path: '' } })
  assert.match(tooDeep.body.toString(), /nested deeper than 1000 levels/)
})

test('the admin port tells health, readiness and counts, and an unknown exchange is no label', async () => {
  const admin = (path: string) => send(gateway.adminOrigin, { method: 'GET', path, to: 'other' })
  assert.equal((await admin('/health')).status, 200)
  assert.deepEqual((await admin('/health/ready')).json(), { status: 'ready' })
  assert.equal((await admin('/nope')).status, 404)
  await publish('x')
  await send(gateway.origin, {
    path: '/publish/no-such-exchange',
    headers: { authorization: `Bearer ${TOKEN}` },
  })
  const text = await metrics()
  assert.match(
    text,
    /warren_requests_total\{outcome="published",code="",status="200",exchange="orders"\} \d+/,
  )
  assert.match(text, /code="exchange-not-found",status="404",exchange=""\}/)
  assert.match(text, /^warren_confirm_seconds_count \d+/m)
  assert.doesNotMatch(text, /no-such-exchange/)
  await observer.ids('orders.q')
})

test('SIGTERM under load: every request is answered, every 200 has its message; a new connection is refused', async (t) => {
  const own = await startTestGateway(t, { AMQP_URL: broker.amqpUrl })
  const answers: number[] = []
  let stopping = false
  const load = Array.from({ length: 8 }, async () => {
    while (!stopping) {
      const answer = await send(own.origin, {
        path: '/publish/orders',
        body: 'x',
        headers: { authorization: `Bearer ${TOKEN}` },
      }).catch((error) => error.code as string)
      if (typeof answer === 'string') {
        // Reset: connected by the kernel, but not accepted when the listening socket was closed.
        assert.match(answer, /^ECONN(REFUSED|RESET)$/)
        return
      }
      answers.push(answer.status)
    }
  })
  await sleep(300)
  own.child.signal('SIGTERM')
  await Promise.all(load)
  stopping = true
  assert.deepEqual(await own.child.ended, { code: 0, signal: null })
  assert.ok(answers.length > 0 && answers.every((status) => status === 200))
  assert.equal((await observer.ids('orders.q')).length, answers.length)
  assert.doesNotMatch(await own.logs(), new RegExp(TOKEN))
})

test('a log that nobody reads any more ends nothing', async (t) => {
  const env = { PORT: '0', ADMIN_PORT: '0', API_TOKEN: TOKEN, AMQP_URL: broker.amqpUrl }
  const child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  t.after(() => child.kill('SIGKILL'))
  const [line] = await once(createInterface(child.stdout), 'line')
  child.stdout.destroy()
  const origin = `http://127.0.0.1:${JSON.parse(line).port}`
  const headers = { authorization: `Bearer ${TOKEN}` }
  for (let round = 0; round < 5; round += 1) {
    const { status } = await send(origin, { path: '/publish/orders', body: '1', headers })
    assert.equal(status, 200)
  }
  child.kill('SIGTERM')
  assert.deepEqual(await ended, [0, null])
})

test('a second SIGTERM ends it at once', async (t) => {
  const own = await startTestGateway(t, { AMQP_URL: broker.amqpUrl })
  own.child.signal('SIGTERM')
  await sleep(100)
  own.child.signal('SIGTERM')
  assert.deepEqual(await own.child.ended, { code: 1, signal: null })
})

test('wrong settings are named all at once, with exit code 2 and no secret', async (t) => {
  const env = {
    AMQP_URL: 'http://user:hidden@host',
    PORT: 'many',
    HOST: 'example.org',
    MAX_INFLIGHT_BYTES: '-1',
  }
  await assert.rejects(startTestGateway(t, env), (error: Error) => {
    assert.match(error.message, /exit code 2/)
    for (const name of Object.keys(env)) assert.match(error.message, new RegExp(name))
    assert.doesNotMatch(error.message, /hidden|at .*\.ts/)
    return true
  })
})
