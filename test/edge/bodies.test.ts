import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { after, test } from 'node:test'
import { startEdge } from '../support/edge.ts'
import { assertProblem } from '../support/problems.ts'
import { lines, parseAnswer, type RawAnswer, sendRaw } from '../support/raw-http.ts'
import { startUpstream } from '../support/upstream.ts'

const LIMIT = 20 * 1024 * 1024
const POST = ['POST /publish/x HTTP/1.1', 'Host: edge.test', 'Connection: close']
const upstream = await startUpstream({ after })
const edge = await startEdge({ after }, { API_URL: `http://127.0.0.1:${upstream.port}` })

test('20 MiB arrive with the same SHA-256, with a length or in chunks', async () => {
  const body = randomBytes(LIMIT)
  const sha256 = createHash('sha256').update(body).digest('hex')
  for (const request of [withLength(body), inChunks(body)]) {
    assert.equal((await sendRaw(edge.port, request, { timeoutMs: 30_000 })).status, 200)
    const got = upstream.received.at(-1)
    assert.deepEqual([got?.bytes, got?.sha256], [LIMIT, sha256])
  }
})

test('bodies of all sizes around the buffer, empty ones too, keep their bytes and types', async () => {
  for (const size of [0, 1, 65_535, 65_536, 65_537]) {
    const body = new Uint8Array(randomBytes(size))
    const headers = { 'content-type': 'text/xml; charset=ISO-8859-1', 'content-encoding': 'br' }
    await fetch(`${edge.origin}/publish/x`, { method: 'POST', body, headers })
    const got = upstream.received.at(-1)
    assert.equal(got?.sha256, createHash('sha256').update(body).digest('hex'))
    assert.equal(got?.headers['content-type'], headers['content-type'])
    assert.equal(got?.headers['content-encoding'], 'br')
  }
})

test('one byte more than 20 MiB is 413, and none of it reaches the API', async () => {
  const before = upstream.received.length
  const body = Buffer.alloc(LIMIT + 1)
  for (const request of [withLength(body), inChunks(body)]) {
    const answer = await sendRaw(edge.port, request, { timeoutMs: 30_000 })
    assert.equal(assertProblem(answer, 'body-too-large')['maxBytes'], LIMIT)
  }
  assert.equal(upstream.received.length, before)
})

test('a client that reads nothing before it has sent all of a body too large sees the 413', async () => {
  const body = Buffer.alloc(LIMIT + 2 * 1024 * 1024)
  for (const request of [withLength(body), inChunks(body)]) {
    assertProblem(await sendAllThenRead(request), 'body-too-large')
  }
})

test('a client that asks first is told before it sends', async () => {
  const ask = (length: number) =>
    sendRaw(edge.port, lines(...POST, 'Expect: 100-continue', `Content-Length: ${length}`))
  assertProblem(await ask(LIMIT + 1), 'body-too-large')
  assert.match((await ask(2)).text, /^HTTP\/1\.1 100 /)
})

test('a body that breaks off is never passed on', async () => {
  const before = upstream.received.length
  const cut = `${lines(...POST, 'Content-Length: 100000')}only this`
  await sendRaw(edge.port, cut, { timeoutMs: 300 })
  await sendRaw(edge.port, `${lines(...POST, 'Transfer-Encoding: chunked')}5\r\nhello\r\n`, {
    timeoutMs: 300,
  })
  assert.equal((await fetch(`${edge.origin}/health`)).status, 200)
  assert.deepEqual(
    upstream.received.slice(before).map(({ url }) => url),
    ['/health'],
  )
})

test('the limit is a setting', async (t) => {
  const small = await startEdge(t, {
    API_URL: `http://127.0.0.1:${upstream.port}`,
    MAX_BODY_BYTES: '10',
  })
  assert.equal((await sendRaw(small.port, withLength(Buffer.alloc(10)))).status, 200)
  const answer = await sendRaw(small.port, withLength(Buffer.alloc(11)))
  assert.equal(assertProblem(answer, 'body-too-large')['maxBytes'], 10)
})

const withLength = (body: Buffer) =>
  Buffer.concat([Buffer.from(lines(...POST, `Content-Length: ${body.length}`)), body])

function inChunks(body: Buffer): Buffer {
  const parts: Buffer[] = [Buffer.from(lines(...POST, 'Transfer-Encoding: chunked'))]
  for (let at = 0; at < body.length; at += 1_000_000) {
    const chunk = body.subarray(at, at + 1_000_000)
    parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'))
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')])
}

/** As PHP's streams and other old clients do. */
function sendAllThenRead(request: Buffer): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(edge.port, '127.0.0.1')
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
    })
    socket.pause()
    socket.on('error', reject)
    socket.on('close', () => resolve(parseAnswer(text)))
    socket.end(request, () => socket.resume())
  })
}
