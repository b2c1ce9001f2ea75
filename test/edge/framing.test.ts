import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { AMBIGUOUS, CHUNKED, POST } from '../support/attacks.ts'
import { startEdge } from '../support/edge.ts'
import { lines, sendRaw } from '../support/raw-http.ts'
import { until } from '../support/until.ts'
import { startTripwire, startUpstream } from '../support/upstream.ts'

const upstream = await startUpstream({ after })
const tripwire = await startTripwire({ after })
const edge = await startEdge(
  { after },
  {
    API_URL: `http://127.0.0.1:${upstream.port}`,
    CONSOLE_URL: `http://127.0.0.1:${tripwire.port}`,
    CONSOLE_ENABLED: '1',
    CONSOLE_ALLOW: '192.0.2.1',
  },
)
for (const [name, request] of Object.entries(AMBIGUOUS)) {
  test(`${name}: 400, and nothing of it reaches the API`, async () => {
    const before = upstream.received.length
    const answer = await sendRaw(edge.port, request, { untilEnd: true })
    assert.equal(answer.status, 400, answer.text)
    assert.equal(upstream.received.length, before)
  })
}

/** Unusual, but with one meaning only: the bodies that the API must have got. */
const UNUSUAL: Readonly<Record<string, readonly [request: string, ...bodies: number[]]>> = {
  'line ends without CR': ['POST /publish/x HTTP/1.1\nHost: a\nContent-Length: 2\n\nhi', 2],
  'a chunk extension': [`${lines(...POST, CHUNKED)}5;x=y\r\nhello\r\n0\r\n\r\n`, 5],
  'a trailer': [`${lines(...POST, CHUNKED)}5\r\nhello\r\n0\r\nX-Y: z\r\n\r\n`, 5],
  'a body with GET': [`${lines('GET /health HTTP/1.1', 'Host: a', 'Content-Length: 5')}hello`, 5],
  'two requests at once': [
    `${lines(...POST, 'Content-Length: 5')}hello${lines(...POST, 'Content-Length: 2')}hi`,
    ...[5, 2],
  ],
  'an upgrade that nobody wants': [
    `${lines(...POST, 'Upgrade: h2c', 'Connection: upgrade', 'Content-Length: 2')}hi`,
    2,
  ],
  'a header that is almost Transfer-Encoding': [
    `${lines(...POST, 'Transfer_Encoding: chunked', 'Content-Length: 5')}hello`,
    5,
  ],
}

for (const [name, [request, ...bodies]] of Object.entries(UNUSUAL)) {
  test(`${name}: edge and API see the same requests`, async () => {
    const before = upstream.received.length
    // A request more than there should be would come at once.
    await sendRaw(edge.port, request, { untilEnd: true, timeoutMs: 400 })
    await until('all that was sent', () => upstream.received.length >= before + bodies.length)
    const got = upstream.received.slice(before).map(({ bytes }) => bytes)
    assert.deepEqual(got, bodies)
  })
}

test('the edge passed on exactly the requests that the API received, and none to the console', async () => {
  const passed = await edge.logged('all that was received', (all) => {
    const lines = all.filter(({ upstream: to }) => to !== '')
    return lines.length < upstream.received.length ? undefined : lines
  })
  assert.deepEqual(
    passed.map(({ method, path }) => `${method} ${path}`),
    upstream.received.map(({ method, url }) => `${method} ${url}`),
  )
  assert.equal(tripwire.connections(), 0)
})
