import { before } from 'node:test'
import { TOKEN } from '../support/api.ts'
import { startBroker } from '../support/broker.ts'
import { endOfFile } from '../support/ending.ts'
import { startTestGateway } from '../support/gateway.ts'
import { declareQueues } from '../support/queues.ts'
import { type Target, testCases } from '../support/run-cases.ts'

const ending = endOfFile()
let target: Target

before(async () => {
  const broker = await startBroker()
  ending.after(() => broker.dispose())
  const queues = await declareQueues(ending, broker.amqpUrl)
  const { origin } = await startTestGateway(ending, { AMQP_URL: broker.amqpUrl })
  target = { origin, token: TOKEN, queues }
})

testCases('gateway', () => target)
