import assert from 'node:assert/strict'
import { after, test } from 'node:test'
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
const POST = ['POST /publish/x HTTP/1.1', 'Host: edge.test']
/** A second request hidden behind the first. */
const HIDDEN = lines('GET /hidden HTTP/1.1', 'Host: edge.test', 'Connection: close')
const CHUNKED = 'Transfer-Encoding: chunked'

/** Requests whose end could be seen in two places, or that say one thing twice. */
const AMBIGUOUS: Readonly<Record<string, string>> = {
  'Content-Length and Transfer-Encoding': `${lines(...POST, 'Content-Length: 6', CHUNKED)}0\r\n\r\n${HIDDEN}`,
  'Transfer-Encoding and Content-Length': `${lines(...POST, CHUNKED, 'Content-Length: 60')}0\r\n\r\n${HIDDEN}`,
  'a space before the colon': `${lines(...POST, 'Transfer-Encoding : chunked')}0\r\n\r\n${HIDDEN}`,
  'an unknown transfer encoding': `${lines(...POST, 'Transfer-Encoding: xchunked')}0\r\n\r\n${HIDDEN}`,
  'two transfer encodings in one line': `${lines(...POST, 'Transfer-Encoding: gzip, chunked')}0\r\n\r\n${HIDDEN}`,
  'chunked, then identity': `${lines(...POST, CHUNKED, 'Transfer-Encoding: identity')}0\r\n\r\n${HIDDEN}`,
  'a control character in the encoding': `${lines(...POST, 'Transfer-Encoding: \x0bchunked')}0\r\n\r\n${HIDDEN}`,
  'two lengths': `${lines(...POST, 'Content-Length: 0', 'Content-Length: 5')}hello${HIDDEN}`,
  'a list of lengths': `${lines(...POST, 'Content-Length: 0, 5')}hello${HIDDEN}`,
  'a length with a sign': `${lines(...POST, 'Content-Length: +5')}hello${HIDDEN}`,
  'a negative length': `${lines(...POST, 'Content-Length: -5')}hello${HIDDEN}`,
  'a hexadecimal length': `${lines(...POST, 'Content-Length: 0x5')}hello${HIDDEN}`,
  'a length beyond all numbers': `${lines(...POST, 'Content-Length: 99999999999999999999')}x`,
  'chunks in HTTP/1.0': `${lines('POST /publish/x HTTP/1.0', CHUNKED)}5\r\nhello\r\n0\r\n\r\n`,
  'a negative chunk': `${lines(...POST, CHUNKED)}-5\r\nhello\r\n0\r\n\r\n${HIDDEN}`,
  'a chunk beyond all numbers': `${lines(...POST, CHUNKED)}fffffffffffffffff\r\nhello\r\n${HIDDEN}`,
  'a chunk longer than it says': `${lines(...POST, CHUNKED)}5\r\nhello!!\r\n0\r\n\r\n${HIDDEN}`,
  'a folded header': lines(...POST, 'X: a', ' Content-Length: 5', 'Content-Length: 0'),
  'NUL in a header': lines(...POST, 'X: a\0b', 'Content-Length: 0'),
  'a bare CR in a header': lines(...POST, 'X: a\rContent-Length: 5', 'Content-Length: 0'),
  'two hosts': lines(...POST, 'Host: other.test', 'Content-Length: 0'),
  'no host': lines('POST /publish/x HTTP/1.1', 'Content-Length: 0'),
  'a host that is none': lines('POST /publish/x HTTP/1.1', 'Host: a/b', 'Content-Length: 0'),
  'two tokens': lines(...POST, 'Authorization: Bearer a', 'Authorization: Bearer b'),
}

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
