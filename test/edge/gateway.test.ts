import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { before, test } from 'node:test'
import { TOKEN } from '../support/api.ts'
import { startBroker } from '../support/broker.ts'
import { startDns } from '../support/dns.ts'
import { startEdge } from '../support/edge.ts'
import { endOfFile } from '../support/ending.ts'
import { startTestGateway } from '../support/gateway.ts'
import { declareQueues } from '../support/queues.ts'
import { checkProblem, type Target, testCases } from '../support/run-cases.ts'
import { send } from '../support/send.ts'

// The whole contract of the gateway through nginx, which looks it up by name, as in containers.
const ending = endOfFile()
let target: Target

before(async () => {
  const broker = await startBroker()
  ending.after(() => broker.dispose())
  const queues = await declareQueues(ending, broker.amqpUrl)
  const gateway = await startTestGateway(ending, { AMQP_URL: broker.amqpUrl })
  const dns = await startDns(ending)
  dns.add('gateway')
  const { port } = new URL(gateway.origin)
  const API_URL = `http://gateway:${port}`
  const edge = await startEdge(ending, { API_URL, RESOLVERS: dns.address })
  target = { origin: edge.origin, token: TOKEN, queues }
})

testCases('gateway', () => target)

test('20 MiB arrive in the queue as they were sent; a byte more is refused', async () => {
  const { origin, queues } = target
  const headers = { authorization: `Bearer ${TOKEN}` }
  const body = randomBytes(20 * 1024 * 1024)
  const path = '/publish/orders'
  assert.equal((await send(origin, { path, headers, body })).status, 200)
  const [taken, ...more] = await queues.drain()
  assert.ok(taken?.message.content.equals(body))
  const longer = Buffer.concat([body, Buffer.of(0)])
  const refused = await send(origin, { path, headers, body: longer })
  checkProblem(refused, 'body-too-large', { request: { path } })
  assert.deepEqual([...more, ...(await queues.drain())], [])
})
