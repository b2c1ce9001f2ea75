import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import fc from 'fast-check'
import { TARGETS } from '../support/attacks.ts'
import { startEdge } from '../support/edge.ts'
import { lines, sendRaw } from '../support/raw-http.ts'
import { startTripwire, startUpstream } from '../support/upstream.ts'

// Where the console would be, there is a wire: no byte may reach it but from the console's own path.
const upstream = await startUpstream({ after })
const tripwire = await startTripwire({ after })
const edge = await startEdge(
  { after },
  {
    API_URL: `http://127.0.0.1:${upstream.port}`,
    CONSOLE_URL: `http://127.0.0.1:${tripwire.port}`,
    CONSOLE_ENABLED: '1',
  },
)
let touchedBefore = ''
beforeEach(() => {
  touchedBefore = tripwire.touched()
})

for (const [target, status] of Object.entries(TARGETS)) {
  test(`${JSON.stringify(target)} is ${status} and never the console's`, async () => {
    const got = await sendRaw(edge.port, lines(`GET ${target} HTTP/1.1`, 'Host: edge.test'))
    assert.equal(got.status, status, got.text)
    assert.equal(tripwire.touched(), touchedBefore)
  })
}

test('the console gets the raw path after /rabbitmq, %2F vhosts and all, and nothing else', async () => {
  const paths = ['/', '/api/queues/%2F/topic1?page=1', '/api/x%252f..%252fy', '/js/main.js']
  for (const path of paths) {
    await sendRaw(edge.port, lines(`GET /rabbitmq${path} HTTP/1.1`, 'Host: edge.test'))
  }
  const got = tripwire.touched().slice(touchedBefore.length)
  assert.deepEqual(
    [...got.matchAll(/^GET (.*) HTTP/gm)].map(([, path]) => path),
    paths,
  )
})

test('/rabbitmq is sent on to /rabbitmq/, relative to wherever the caller is', async () => {
  const answer = await sendRaw(edge.port, lines('GET /rabbitmq HTTP/1.1', 'Host: edge.test:99'))
  assert.equal(answer.status, 301)
  assert.equal(answer.headers.get('location'), '/rabbitmq/')
})

test('no path made of the pieces of an attack reaches the console, unless it begins with /rabbitmq/', async () => {
  const piece = fc.constantFrom(
    ...['/', '%2f', '%2F', '.', '..', '%2e', '%2E', '//', ';', '\\', '%5c', '%00', '%0d%0a', '?'],
    ...['#', '%25', '%', 'rabbitmq', 'rabbit%6dq', 'RabbitMQ', 'publish', 'api', '@', ':', ' '],
  )
  const target = fc.array(piece, { minLength: 1, maxLength: 10 }).map((pieces) => pieces.join(''))
  const prefix = fc.constantFrom('/', '/publish/', '/publish/x/', '', 'http://a/')
  const property = fc.asyncProperty(prefix, target, async (before, rest) => {
    if (/^(http:\/\/a)?\/rabbitmq\//.test(before + rest)) return
    await sendRaw(edge.port, lines(`GET ${before}${rest} HTTP/1.1`, 'Host: a'))
    assert.equal(tripwire.touched(), touchedBefore)
  })
  await fc.assert(property, { numRuns: 500 })
})
