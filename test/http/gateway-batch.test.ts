import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { TOKEN } from '../support/api.ts'
import { startBroker } from '../support/broker.ts'
import { endOfFile } from '../support/ending.ts'
import { startTestGateway } from '../support/gateway.ts'
import { declareQueues, type Queues } from '../support/queues.ts'
import { send } from '../support/send.ts'

const ending = endOfFile()
let queues: Queues
let origin: string

before(async () => {
  const broker = await startBroker()
  ending.after(() => broker.dispose())
  queues = await declareQueues(ending, broker.amqpUrl)
  origin = (await startTestGateway(ending, { AMQP_URL: broker.amqpUrl })).origin
})

const post = (exchange: string, body: string, type = 'application/json') =>
  send(origin, {
    path: `/batch/${exchange}`,
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': type },
    body,
  })

interface Result {
  readonly index: number
  readonly status: number
  readonly code?: string
  readonly messageId?: string
}
const resultsOf = (json: Record<string, unknown>) => json['results'] as readonly Result[]

test('a thousand messages arrive in their order, each with the id that was answered', async () => {
  const lines = Array.from({ length: 1_000 }, (_, index) => JSON.stringify({ payload: `${index}` }))
  const answer = await post('orders', lines.join('\n'), 'application/x-ndjson')
  assert.equal(answer.status, 200, answer.body.toString())
  const taken = await queues.drain()
  assert.deepEqual(
    taken.map(({ message }) => message.content.toString()),
    lines.map((_, index) => `${index}`),
  )
  assert.deepEqual(
    taken.map(({ message }) => message.properties.messageId),
    resultsOf(answer.json()).map(({ messageId }) => messageId),
  )
})

test('what could be published was, and of the rest each has its reason', async () => {
  const items = [
    { routing_key: 'eu.new', payload: 'a' },
    { routing_key: 'nowhere', payload: 'b' },
    { routing_key: 'eu.new', payload: 'c', properties: { priority: 256 } },
    { routing_key: 'nowhere', payload: 'd', mandatory: false },
    { routing_key: 'eu.new', payload: 'AP8=', payload_encoding: 'base64' },
  ]
  const answer = await post('orders.by-key', JSON.stringify({ messages: items }))
  const { status, code, outcome } = answer.json()
  assert.deepEqual([status, code, outcome], [422, 'batch-incomplete', 'partial'])
  assert.deepEqual(
    resultsOf(answer.json()).map((result) => [result.index, result.status, result.code]),
    [
      [0, 200, undefined],
      [1, 422, 'unroutable'],
      [2, 400, 'invalid-request'],
      [3, 200, undefined],
      [4, 200, undefined],
    ],
  )
  const taken = await queues.drain()
  assert.deepEqual(
    taken.map(({ message }) => message.content),
    [Buffer.from('a'), Buffer.from([0, 255])],
  )
})

test('an exchange that does not exist, or is full, is told for every message', async () => {
  const items = JSON.stringify(Array(20).fill({ payload: 'x' }))
  const missing = (await post('nope', items)).json()
  assert.deepEqual(
    [missing['status'], missing['outcome'], missing['retryable']],
    [422, 'not-published', false],
  )
  assert.ok(resultsOf(missing).every(({ code }) => code === 'exchange-not-found'))
  const full = await post('orders.full', items)
  assert.deepEqual([full.status, full.json()['outcome']], [503, 'partial'])
  assert.ok(resultsOf(full.json()).every(({ code }) => code === 'nacked'))
  assert.equal(full.headers['retry-after'], '1')
  assert.deepEqual(await queues.drain(), [])
})
