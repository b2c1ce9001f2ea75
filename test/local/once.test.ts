import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, type TestContext, test } from 'node:test'
import { type Channel, type ChannelModel, connect } from 'amqplib'
import { publishOnce } from '#infra/local/once.ts'
import { type LocalSettings, readLocal } from '#infra/local/settings.ts'
import { type Broker, startBroker } from '../support/broker.ts'

let broker: Broker
let connection: ChannelModel
let channel: Channel
before(async () => {
  broker = await startBroker()
  connection = await connect(broker.amqpUrl)
  channel = await connection.createChannel()
})
after(async () => {
  await connection.close()
  await broker.dispose()
})

const settings: LocalSettings = readLocal({})

/** Something that answers as the edge does, and does with the message what `deliver` does. */
async function edge(t: TestContext, status: number, deliver: (id: string, body: Buffer) => void) {
  const server = createServer(async (request: IncomingMessage, response) => {
    const body = Buffer.concat(await request.toArray())
    deliver(request.headers['idempotency-key'] as string, body)
    response.writeHead(status).end('{"status":"OK"}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function run(url: string, arrivalMs = 10_000) {
  const lines: string[] = []
  const running = { url, hasEdge: true, broker: { url: broker.amqpUrl } }
  const good = await publishOnce(running, settings, (line) => lines.push(line), arrivalMs)
  return { good, printed: lines.join('\n') }
}

async function emptyQueues() {
  for (const queue of ['topic1', 'topic2']) {
    await channel.assertQueue(queue)
    await channel.purgeQueue(queue)
  }
}

test('it finds its message behind others, and leaves them where they are', async (t) => {
  await emptyQueues()
  const earlier = ['one', 'two', 'three']
  for (const text of earlier) channel.sendToQueue('topic1', Buffer.from(text))
  const url = await edge(t, 200, (messageId, body) => {
    for (const queue of ['topic1', 'topic2']) channel.sendToQueue(queue, body, { messageId })
  })
  const { good, printed } = await run(url)
  assert.ok(good, printed)
  assert.match(printed, /^topic1: \{"hello": "Gonzalo"\} .*identical\)$/m)
  assert.match(printed, /^topic2: \{"hello": "Gonzalo"\} .*identical\)$/m)
  const left: string[] = []
  for (let n = 0; n < earlier.length; n += 1) {
    const message = await channel.get('topic1', { noAck: true })
    left.push(message === false ? 'nothing' : message.content.toString())
  }
  assert.deepEqual(left, earlier)
  assert.equal((await channel.checkQueue('topic1')).messageCount, 0)
})

test('one changed byte in one queue is a failure', async (t) => {
  await emptyQueues()
  const url = await edge(t, 200, (messageId, body) => {
    channel.sendToQueue('topic1', body, { messageId })
    channel.sendToQueue('topic2', Buffer.from(`${body} `), { messageId })
  })
  const { good, printed } = await run(url)
  assert.equal(good, false)
  assert.match(printed, /^topic2: .*CHANGED/m)
})

test('a 200 whose message is not in every queue is a failure', async (t) => {
  await emptyQueues()
  const url = await edge(t, 200, (messageId, body) => {
    channel.sendToQueue('topic1', body, { messageId })
  })
  const { good, printed } = await run(url, 1000)
  assert.equal(good, false)
  assert.match(printed, /^topic2: it did not arrive/m)
})

test('any other answer is a failure, and is shown', async (t) => {
  const { good, printed } = await run(await edge(t, 503, () => {}))
  assert.equal(good, false)
  assert.match(printed, /503/)
})
