import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '#infra/local/settings.ts'
import { AMBIGUOUS, CHUNKED, POST, TARGETS } from '../support/attacks.ts'
import { openPage, startChromium } from '../support/chromium.ts'
import { docker, logsOf, prepareStack } from '../support/docker.ts'
import { endOfFile } from '../support/ending.ts'
import { lines, sendRaw } from '../support/raw-http.ts'
import { send } from '../support/send.ts'
import { publishTo } from '../support/stack-requests.ts'

const TOKEN = 'a-token-of-the-edge-tests-0123456789abcdef'
const PASS = 'a-password-of-the-edge-tests'

// Where the console would be in the second half, there is a wire that says who touched it.
const OVERRIDE = `services:
  edge:
    environment: { CONSOLE_URL: "\${TEST_CONSOLE_URL:-http://rabbit:15672}" }
  tripwire:
    image: warren-edge:test
    profiles: [tripwire]
    networks: [back]
    healthcheck: { test: [CMD, bash, -c, </dev/tcp/127.0.0.1/15672], interval: 1s }
    entrypoint:
      - node
      - -e
      - "net.createServer((s) => s.on('data', (d) => { console.log('TOUCHED ' + d); s.end('HTTP/1.1 200 OK\\\\r\\\\n\\\\r\\\\n') })).listen(15672)"
`

const ending = endOfFile()
const stack = await prepareStack(ending, {
  dotenv: {
    ...{ API_TOKEN: TOKEN, RABBITMQ_USER: 'operator', RABBITMQ_PASS: PASS },
    ...{ CONSOLE_ENABLED: '1', CONSOLE_ALLOW: '192.0.2.1' },
  },
  override: OVERRIDE,
})
await stack.compose(['build'])
await stack.compose(['up', '--detach', '--wait'])

const get = (path: string, headers = {}) => send(stack.origin, { method: 'GET', path, headers })

/** The address that a caller on this machine comes from, as the edge sees it. */
async function ownAddress(): Promise<string> {
  await get('/health?own')
  const log = await logsOf(await stack.container('edge'))
  const line = log.split('\n').findLast((each) => each.includes('"path":"/health"')) ?? '{}'
  return JSON.parse(line).address
}

/** Starts the edge anew with these settings. */
const edgeWith = (env: Record<string, string>, ...services: string[]) =>
  stack.compose(
    ['--profile', 'tripwire', 'up', '--detach', '--wait', '--no-deps', 'edge', ...services],
    env,
  )

test('from an address outside CONSOLE_ALLOW the console is 403, whatever a caller says of himself', async () => {
  const own = await ownAddress()
  for (const said of ['192.0.2.1', '127.0.0.1', own]) {
    for (const name of ['X-Forwarded-For', 'X-Real-IP', 'Forwarded', 'True-Client-IP']) {
      const answer = await get('/rabbitmq/', {
        [name]: name === 'Forwarded' ? `for=${said}` : said,
      })
      assert.equal(answer.status, 403, `${name}: ${said}`)
      assert.match(String(answer.headers['content-type']), /problem\+json/)
    }
  }
})

test('the console through the edge: log in, the page of topic1 in the vhost /', async (t) => {
  await edgeWith({ CONSOLE_ALLOW: await ownAddress() })
  assert.equal((await publishTo(stack, { token: TOKEN, body: '{"n":1}' })).status, 200)
  const { page } = await openPage(t, await startChromium(t))
  await page.goto(`${stack.origin}/rabbitmq/`)
  await page.fill('input[name=username]', 'operator')
  await page.fill('input[name=password]', PASS)
  await page.click('input[type=submit]')
  await page.getByRole('heading', { name: 'Overview' }).first().waitFor()
  await page.goto(`${stack.origin}/rabbitmq/#/queues/%2F/topic1`)
  await page.getByRole('heading', { name: 'Queue topic1' }).waitFor()
  await page.getByText('Message rates').first().waitFor()
  const folder = join(ROOT, '.build')
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: join(folder, 'console.png') })
})

test('a tripwire takes the place of the console', async () => {
  const settings = { CONSOLE_ALLOW: await ownAddress(), TEST_CONSOLE_URL: 'http://tripwire:15672' }
  await edgeWith(settings, 'tripwire')
  assert.equal((await fetch(`${stack.origin}/rabbitmq/api/overview`)).status, 200)
  assert.equal(await touches(), 1)
})

const touches = async () =>
  (await logsOf(await stack.container('tripwire'))).split('TOUCHED').length - 1

test('no target of the attack table reaches the console, and the edge refuses what it must', async () => {
  for (const [target, status] of Object.entries(TARGETS)) {
    const got = await sendRaw(stack.port, lines(`GET ${target} HTTP/1.1`, 'Host: edge.test'))
    // What the edge passes on is for the gateway to refuse, whose answer depends on the path.
    if (status !== 200) assert.equal(got.status, status, target)
    else assert.ok([400, 401, 404, 405].includes(got.status ?? 0), `${target}: ${got.text}`)
  }
  assert.equal(await touches(), 1)
})

test('the same with every method, and absolute targets, and a token', async () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH', 'TRACE', 'CONNECT']) {
    for (const target of Object.keys(TARGETS)) {
      const head = [
        `${method} ${target} HTTP/1.1`,
        'Host: rabbitmq',
        `Authorization: Bearer ${TOKEN}`,
      ]
      await sendRaw(stack.port, lines(...head, 'Content-Length: 0', 'Connection: close'))
    }
  }
  assert.equal(await touches(), 1)
})

test('edge and gateway see the same requests, however they are framed', async () => {
  const before = await counts()
  for (const [name, request] of Object.entries(AMBIGUOUS)) {
    const answer = await sendRaw(stack.port, request, { untilEnd: true })
    assert.equal(answer.status, 400, `${name}: ${answer.text}`)
  }
  const two = `${lines(...POST, CHUNKED)}2\r\n{}\r\n0\r\n\r\n${lines(...POST, 'Content-Length: 2')}{}`
  await sendRaw(stack.port, two, { untilEnd: true, timeoutMs: 1000 })
  const after = await counts()
  assert.equal(after.edge - before.edge, 2)
  assert.equal(after.gateway - before.gateway, 2)
  assert.equal(await touches(), 1)
})

/** Requests that the edge has passed on, and requests that the gateway has counted. */
async function counts(): Promise<{ edge: number; gateway: number }> {
  const log = await logsOf(await stack.container('edge'))
  const passed = log.match(/"upstream":"[\d.]+:3000"/g) ?? []
  const script =
    "fetch('http://127.0.0.1:9090/metrics').then(async (r) => console.log(await r.text()))"
  const metrics = await docker('exec', await stack.container('gateway'), 'node', '-e', script)
  const counted = [...metrics.matchAll(/^warren_requests_total\{.*\} (\d+)$/gm)]
  return {
    edge: passed.length,
    gateway: counted.reduce((sum, [, value]) => sum + Number(value), 0),
  }
}

test('headers of 64 KB are refused as a problem; what comes after is served', async () => {
  const large = await sendRaw(stack.port, lines(...POST, `X: ${'a'.repeat(65_536)}`))
  assert.equal(large.status, 431)
  assert.equal(JSON.parse(large.body).code, 'headers-too-large')
  const many = Array.from({ length: 700 }, (_, at) => `X-${at}: ${'b'.repeat(90)}`)
  assert.equal((await sendRaw(stack.port, lines(...POST, ...many))).status, 431)
  assert.equal((await publishTo(stack, { token: TOKEN, body: '{}' })).status, 200)
})

test('the headers that protect a browser are on every answer', async () => {
  for (const path of ['/health', '/nothing', '/docs']) {
    const { headers } = await get(path)
    assert.equal(headers['x-content-type-options'], 'nosniff', path)
    assert.equal(headers['x-frame-options'], 'DENY', path)
    assert.equal(headers['server'], 'nginx', path)
  }
})
