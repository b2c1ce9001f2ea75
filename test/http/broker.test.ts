import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { before, test } from 'node:test'
import { startTestApi, TOKEN } from '../support/api.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { endOfFile } from '../support/ending.ts'
import { declareQueues, type Queues } from '../support/queues.ts'
import { checkProblem } from '../support/run-cases.ts'
import { SECRET_ARN, startSecretsManager } from '../support/secrets-manager.ts'
import { send } from '../support/send.ts'

const ending = endOfFile()
let broker: Broker
let queues: Queues

before(async () => {
  broker = await startBroker()
  ending.after(() => broker.dispose())
  queues = await declareQueues(ending, broker.amqpUrl)
})

const publishTo = (exchange: string, token: string, body = 'x') => ({
  path: `/publish/${exchange}`,
  headers: { authorization: `Bearer ${token}` },
  body,
})

test('one bad request among a hundred good ones, all at once, costs only itself', async (t) => {
  const env = { AMQP_URL: broker.amqpUrl }
  const { origin } = await startTestApi(t, { env })
  const good = Array.from({ length: 100 }, (_, i) => publishTo('orders', TOKEN, `message ${i}`))
  const bad = publishTo('nope', TOKEN)
  const all = [...good.slice(0, 50), bad, ...good.slice(50)]
  const answers = await Promise.all(all.map((request) => send(origin, request)))
  const [refused, ...more] = answers.filter(({ status }) => status !== 200)
  assert.deepEqual(more, [])
  assert.ok(refused !== undefined)
  checkProblem(refused, 'exchange-not-found', { request: bad })
  const bodies = (await queues.drain()).map(({ message }) => message.content.toString())
  assert.deepEqual(bodies.toSorted(), good.map(({ body }) => body).toSorted())
})

test("the predecessor's settings are enough", async (t) => {
  const env = {
    RABBIT_HOST: '127.0.0.1',
    RABBIT_PORT: String(broker.amqpPort),
    RABBIT_USER: broker.user,
    RABBIT_PASS: broker.pass,
    API_TOKEN: 'super_secret_key',
  }
  const { origin } = await startTestApi(t, { env })
  const answer = await send(origin, publishTo('orders', 'super_secret_key'))
  assert.equal(answer.status, 200, answer.body.toString())
  assert.equal((await queues.drain()).length, 1)
})

test('broker and tokens may come from Secrets Manager, and a token is good for its scope', async (t) => {
  const secrets = await startSecretsManager()
  t.after(() => secrets.close())
  const [brokerArn, tokensArn] = [`${SECRET_ARN}-broker`, `${SECRET_ARN}-tokens`]
  const sha256 = createHash('sha256').update('the-token-of-billing').digest('hex')
  const publish = [{ exchange: 'orders' }]
  secrets.secrets.set(brokerArn, broker.amqpUrl)
  secrets.secrets.set(tokensArn, JSON.stringify({ tokens: [{ name: 'billing', sha256, publish }] }))
  const env = {
    AMQP_URL_SECRET_ARN: brokerArn,
    API_TOKENS_SECRET_ARN: tokensArn,
    API_TOKEN: undefined,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  }
  const { origin } = await startTestApi(t, { env })
  const taken = await send(origin, publishTo('orders', 'the-token-of-billing'))
  assert.equal(taken.status, 200, taken.body.toString())
  assert.equal((await queues.drain()).length, 1)
  const elsewhere = publishTo('orders.by-key', 'the-token-of-billing')
  checkProblem(await send(origin, elsewhere), 'forbidden-destination', { request: elsewhere })
  const unknown = publishTo('orders', TOKEN)
  checkProblem(await send(origin, unknown), 'unauthorized', { request: unknown })
})
