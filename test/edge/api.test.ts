import { before } from 'node:test'
import { startTestApi, TOKEN } from '../support/api.ts'
import { startBroker } from '../support/broker.ts'
import { startEdge } from '../support/edge.ts'
import { endOfFile } from '../support/ending.ts'
import { declareQueues } from '../support/queues.ts'
import { type Target, testCases } from '../support/run-cases.ts'

// The whole contract once more, through nginx: whoever talks to the edge can tell no difference.
const ending = endOfFile()
let target: Target

before(async () => {
  const broker = await startBroker()
  ending.after(() => broker.dispose())
  const queues = await declareQueues(ending, broker.amqpUrl)
  const api = await startTestApi(ending, { env: { AMQP_URL: broker.amqpUrl } })
  const edge = await startEdge(ending, { API_URL: api.origin })
  target = { origin: edge.origin, token: TOKEN, queues }
})

testCases('edge', () => target)
