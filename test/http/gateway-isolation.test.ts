import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { startBroker } from '../support/broker.ts'
import { endOfFile } from '../support/ending.ts'
import { type Gateway, startTestGateway } from '../support/gateway.ts'
import { type Observer, observe } from '../support/messages.ts'
import { sendRaw } from '../support/raw-http.ts'
import { tokenOf, writeScopedTokens } from '../support/scoped-tokens.ts'
import { send } from '../support/send.ts'

const ending = endOfFile()
let observer: Observer
let origin: string
let logs: Gateway['logs']

before(async () => {
  const broker = await startBroker()
  ending.after(() => broker.dispose())
  observer = await observe(broker.amqpUrl)
  ending.after(() => observer.close())
  await observer.bind('left', 'left.q')
  await observer.bind('right', 'right.q')
  const API_TOKENS_FILE = await writeScopedTokens(ending, { left: ['left'], right: ['right'] })
  const env = { AMQP_URL: broker.amqpUrl, API_TOKENS_FILE, API_TOKEN: undefined }
  ;({ origin, logs } = await startTestGateway(ending, env))
})

for (const route of ['publish', 'batch']) {
  for (const expect of ['', 'Expect: 100-continue\r\n']) {
    test(`${route}: who may publish nothing there is told so before he sends the body ${expect}`, async () => {
      const head = `POST /${route}/right HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n${expect}`
      const authorization = `Authorization: Bearer ${tokenOf('left')}\r\n\r\n`
      const { status, body } = await sendRaw(Number(new URL(origin).port), head + authorization)
      const { code, exchange } = JSON.parse(body)
      assert.deepEqual([status, code, exchange], [403, 'forbidden-destination', 'right'])
    })
  }
}

test('who may publish nothing there is in the log by name', async () => {
  const line = (await logs()).split('\n').find((one) => one.includes('forbidden-destination')) ?? ''
  const { principal, exchange, status } = JSON.parse(line)
  assert.deepEqual([principal, exchange, status], ['left', 'right', 403])
})

const MIB = 1024 * 1024
/** Deeper than V8 copies a value, and flatter than it parses. */
const LEVELS = 8_000

const batch = (caller: 'left' | 'right', body: string) =>
  send(origin, {
    path: `/batch/${caller}`,
    headers: { authorization: `Bearer ${tokenOf(caller)}`, 'content-type': 'application/json' },
    body,
  })

const deep = `[{"payload":"${'d'.repeat(1.1 * MIB)}","z":${'['.repeat(LEVELS)}${']'.repeat(LEVELS)}}]`
const honest = (mark: string) =>
  JSON.stringify([{ payload: mark.repeat(1.1 * MIB), properties: { message_id: mark } }])

test('a large batch nested beyond reason costs nobody else an answer or a message', async () => {
  const refused = await batch('left', deep)
  assert.deepEqual([refused.status, refused.json()['outcome']], [400, 'not-published'])
  for (const [caller, mark] of [
    ['left', 'a'],
    ['right', 'b'],
    ['left', 'c'],
    ['right', 'd'],
  ] as const) {
    const { status, json } = await batch(caller, honest(mark))
    assert.deepEqual(
      [status, json()['exchange'], json()['results']],
      [200, caller, [{ index: 0, status: 200, messageId: mark }]],
    )
  }
  assert.deepEqual(await observer.ids('left.q'), ['a', 'c'])
  assert.deepEqual(await observer.ids('right.q'), ['b', 'd'])
})

test('a large body that is no JSON is refused, whatever came before it', async () => {
  await batch('left', deep)
  const { status, json } = await batch('right', `${honest('x')}]`)
  assert.deepEqual([status, json()['code']], [400, 'malformed-json'])
  assert.deepEqual(await observer.ids('right.q'), [])
})
