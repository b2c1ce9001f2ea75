import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setInterval } from 'node:timers/promises'
import { startEdge } from '../support/edge.ts'
import { lines } from '../support/raw-http.ts'
import { startUpstream } from '../support/upstream.ts'

const EACH = 300
/** A byte of a header now and then: whole headers are due within 10 s. */
const SLOW_HEADERS = 'POST /publish/x HTTP/1.1\r\nHost: a\r\nX: '
/** A body that stops: the next byte is due within 15 s. */
const STALLED_BODY = `${lines('POST /publish/x HTTP/1.1', 'Host: a', 'Content-Length: 1000000')}x`

test('slow and stalled callers are cut off in time, hinder nobody, and never reach the API', async (t) => {
  const upstream = await startUpstream(t)
  const edge = await startEdge(t, {
    API_URL: `http://127.0.0.1:${upstream.port}`,
    CONNECTIONS_PER_ADDRESS: '0',
  })
  const alone = await slowestOf(100)
  const slow = hold(SLOW_HEADERS)
  const stalled = hold(STALLED_BODY)
  const startedMs = performance.now()
  const beside = await slowestOf(100)
  assert.ok(beside < Math.max(2 * alone, 500), `${beside} ms beside them, ${alone} ms without`)
  const stopDripping = drip(slow.sockets)
  await slow.closed
  assert.ok(performance.now() - startedMs < 20_000, 'unfinished headers were borne for too long')
  stopDripping()
  await stalled.closed
  assert.ok(performance.now() - startedMs < 30_000, 'stalled bodies were borne for too long')
  assert.deepEqual(new Set(upstream.received.map(({ url }) => url)), new Set(['/health']))

  function hold(request: string) {
    const sockets = Array.from({ length: EACH }, () => connect(edge.port, '127.0.0.1'))
    t.after(() => sockets.forEach((socket) => void socket.destroy()))
    const closed = Promise.all(sockets.map((socket) => sendAndWait(socket, request)))
    return { sockets, closed }
  }

  async function slowestOf(count: number): Promise<number> {
    let slowest = 0
    for (let index = 0; index < count; index += 1) {
      const sentMs = performance.now()
      assert.equal((await fetch(`${edge.origin}/health`)).status, 200)
      slowest = Math.max(slowest, performance.now() - sentMs)
    }
    return slowest
  }
})

function sendAndWait(socket: Socket, request: string): Promise<void> {
  socket.on('error', () => {}) // Being reset is what should happen.
  socket.resume()
  socket.write(request)
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

/** Writes a byte to each once a second, until told to stop. */
function drip(sockets: readonly Socket[]): () => void {
  const stop = new AbortController()
  const dripping = (async () => {
    for await (const _ of setInterval(1_000, undefined, { signal: stop.signal })) {
      for (const socket of sockets) if (socket.writable) socket.write('x')
    }
  })()
  dripping.catch(() => {}) // Stopped.
  return () => stop.abort()
}
