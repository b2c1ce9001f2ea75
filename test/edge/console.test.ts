import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { type Broker, startBroker } from '../support/broker.ts'
import { type Edge, startEdge } from '../support/edge.ts'
import { endOfFile } from '../support/ending.ts'
import { startTripwire } from '../support/upstream.ts'

// The real management console and API, as the tools of an operator see them through the edge.
const ending = endOfFile()
let broker: Broker
let edge: Edge

before(async () => {
  broker = await startBroker({ plugins: ['rabbitmq_management'] })
  ending.after(() => broker.dispose())
  const api = await startTripwire(ending)
  edge = await startEdge(ending, {
    API_URL: `http://127.0.0.1:${api.port}`,
    CONSOLE_URL: broker.managementUrl,
    CONSOLE_ENABLED: '1',
  })
})

const call = (path: string, { method = 'GET', body }: { method?: string; body?: object } = {}) =>
  fetch(`${edge.origin}/rabbitmq${path}`, {
    method,
    redirect: 'manual',
    headers: { authorization: `Basic ${btoa(`${broker.user}:${broker.pass}`)}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })

test('a queue of the vhost / is made, seen, filled and emptied through the management API', async () => {
  const queue = '/api/queues/%2F/topic1'
  assert.equal((await call(queue, { method: 'PUT', body: { durable: true } })).status, 201)
  const seen = (await (await call(queue)).json()) as { name: string; vhost: string }
  assert.deepEqual([seen.name, seen.vhost], ['topic1', '/'])
  const published = await call('/api/exchanges/%2F/amq.default/publish', {
    method: 'POST',
    body: { properties: {}, routing_key: 'topic1', payload: 'hello', payload_encoding: 'string' },
  })
  assert.deepEqual(await published.json(), { routed: true })
  const got = await call(`${queue}/get`, {
    method: 'POST',
    body: { count: 1, ackmode: 'ack_requeue_false', encoding: 'auto' },
  })
  assert.equal(((await got.json()) as { payload: string }[])[0]?.payload, 'hello')
  assert.equal((await call(queue, { method: 'DELETE' })).status, 204)
})

test('names with a slash, a percent sign or a space keep them', async () => {
  for (const name of ['a/b', 'a%b', 'a b', 'é']) {
    const queue = `/api/queues/%2F/${encodeURIComponent(name)}`
    assert.equal((await call(queue, { method: 'PUT', body: {} })).status, 201)
    assert.equal(((await (await call(queue)).json()) as { name: string }).name, name)
  }
})

test("the console's page and all that it loads are there, below /rabbitmq/", async () => {
  const page = await call('/')
  const html = await page.text()
  assert.equal(page.status, 200)
  assert.match(html, /RabbitMQ/)
  assert.equal(page.headers.get('x-frame-options'), 'DENY')
  const parts = [...html.matchAll(/(?:src|href)="([^"]+\.(?:js|css|ico))"/g)].map(
    ([, path]) => path,
  )
  assert.ok(parts.length > 5)
  for (const part of parts) {
    const { pathname } = new URL(part as string, `${edge.origin}/rabbitmq/`)
    assert.equal((await fetch(edge.origin + pathname)).status, 200, pathname)
  }
})

test('a redirect of the console stays below /rabbitmq/', async () => {
  const answer = await call('/cli')
  assert.equal(answer.status, 301)
  const location = new URL(answer.headers.get('location') ?? '', `${edge.origin}/rabbitmq/cli`)
  assert.match(location.pathname, /^\/rabbitmq\/cli\//)
})

test('the console asks for its own login', async () => {
  const answer = await fetch(`${edge.origin}/rabbitmq/api/overview`)
  assert.equal(answer.status, 401)
  assert.match(answer.headers.get('www-authenticate') ?? '', /^basic/i)
})
