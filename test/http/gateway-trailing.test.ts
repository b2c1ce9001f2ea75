import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { startBroker } from '../support/broker.ts'
import { endOfFile } from '../support/ending.ts'
import { startTestGateway } from '../support/gateway.ts'
import { type Observer, observe } from '../support/messages.ts'
import { lines, sendRawParts } from '../support/raw-http.ts'
import { garbage, message, post, TRAILING, told } from '../support/trailing.ts'

const TIMEOUT_MS = 1500
const ending = endOfFile()
let observer: Observer
let port: number

before(async () => {
  const broker = await startBroker()
  ending.after(() => broker.dispose())
  observer = await observe(broker.amqpUrl)
  ending.after(() => observer.close())
  await observer.bind('orders', 'orders.q')
  const env = { AMQP_URL: broker.amqpUrl, REQUEST_TIMEOUT_MS: String(TIMEOUT_MS) }
  port = Number(new URL((await startTestGateway(ending, env)).origin).port)
})

const health = lines('GET /health HTTP/1.1', 'Host: x')

for (const [name, { bytes, status, code }] of Object.entries(TRAILING)) {
  for (const count of [1, 3]) {
    test(`${name} behind ${count} complete requests: their answers come first`, async () => {
      const ids = Array.from({ length: count }, (_, i) => `m-${i}`)
      const parts = [Buffer.from(ids.map(message).join('')), Buffer.from(bytes)]
      const answers = await sendRawParts(port, [Buffer.concat(parts)])
      assert.deepEqual(told(answers), [...ids.map((id) => [200, id]), [status, code]])
      assert.equal(answers.at(-1)?.headers.get('connection'), 'close')
      assert.deepEqual(await observer.ids('orders.q'), ids)
    })
  }
}

test('bytes that come while the answer is under way do not overtake it, however many', async () => {
  const parts = [message('m-0'), ...Array.from({ length: 50 }, () => garbage(1000))]
  assert.deepEqual(told(await sendRawParts(port, parts)), [
    [200, 'm-0'],
    [400, 'invalid-request'],
  ])
  assert.deepEqual(await observer.ids('orders.q'), ['m-0'])
})

test('bytes that come after the answer are told what they are', async () => {
  const [, refused] = await sendRawParts(port, [message('m-0'), 'more'], { pauseMs: 300 })
  assert.match(JSON.parse(refused?.body ?? '{}').errors[0].detail, /Content-Length/)
  assert.deepEqual(await observer.ids('orders.q'), ['m-0'])
})

test('a body without a length is no request of its own: an empty message is what was sent', async () => {
  const answers = await sendRawParts(port, [`${post('m-0')}hello`])
  assert.deepEqual(told(answers), [
    [200, 'm-0'],
    [400, 'invalid-request'],
  ])
  assert.deepEqual(await observer.ids('orders.q'), ['m-0'])
})

test('a caller who ends his side after the request gets every answer', async () => {
  for (const sent of [message('m-0'), `${message('m-0')}${message('m-1')}${health}`]) {
    const answers = await sendRawParts(port, [sent], { end: true })
    const ids = await observer.ids('orders.q')
    assert.deepEqual(
      answers.map(({ status }) => status),
      Array.from({ length: sent.split('HTTP/1.1').length - 1 }, () => 200),
    )
    assert.ok(ids.length >= 1)
  }
})

test('a body that is cut short is not published, and the answers before it come first', async () => {
  const cut = `${message('m-0')}${post('cut', 'Content-Length: 50')}hello`
  const chunks = `${message('m-0')}${post('cut', 'Transfer-Encoding: chunked')}5\r\nhello\r\n`
  for (const sent of [cut, chunks]) {
    const answers = await sendRawParts(port, [sent], { end: true })
    assert.deepEqual(told(answers), [
      [200, 'm-0'],
      [400, 'invalid-request'],
    ])
    assert.match(JSON.parse(answers[1]?.body ?? '').errors[0].detail, /ended before/)
    assert.deepEqual(await observer.ids('orders.q'), ['m-0'])
  }
})

test('a request for another protocol is answered in this one, as the last of its connection', async () => {
  const upgrade = [
    'Connection: Upgrade',
    'Upgrade: h2c',
    'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA',
  ]
  const asking = `${post('m-0', 'Content-Length: 5', ...upgrade)}hello`
  // Node loses what stands behind it in the same packet.
  const answers = await sendRawParts(port, [`${asking}${message('m-1')}`])
  assert.deepEqual(told(answers), [[200, 'm-0']])
  assert.equal(answers[0]?.headers.get('connection'), 'close')
  assert.deepEqual(await observer.ids('orders.q'), ['m-0'])
})

test('after an error nothing more of the connection is read: what follows is not published', async () => {
  const answers = await sendRawParts(port, [`${message('m-0')}\0${message('m-1')}`])
  assert.deepEqual(told(answers), [
    [200, 'm-0'],
    [400, 'invalid-request'],
  ])
  assert.deepEqual(await observer.ids('orders.q'), ['m-0'])
})
