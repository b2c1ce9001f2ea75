import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { ROOT } from '#infra/local/settings.ts'
import { TOKEN } from '../support/api.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { endOfFile } from '../support/ending.ts'
import { type Gateway, startTestGateway } from '../support/gateway.ts'
import { stepsUnder } from '../support/markdown.ts'
import { observe } from '../support/messages.ts'
import { predecessorApi, type Send, startPredecessorRelay } from '../support/predecessor.ts'
import { startRelay } from '../support/relay.ts'
import { relayCommand } from '../support/relay-command.ts'
import { Deliveries, startConsumer, startEmitter } from '../support/traffic.ts'
import { until } from '../support/until.ts'

const doc = readFileSync(join(ROOT, 'docs/relays.md'), 'utf8')
const ending = endOfFile()
let broker: Broker

before(async () => {
  broker = await startBroker()
  ending.after(() => broker.dispose())
})

/** Starts the steps of this section of docs/relays.md; each `step` must be its next one. */
function walk(heading: string) {
  const steps = stepsUnder(doc, heading)
  return {
    step: (title: string) => assert.equal(steps.shift(), title),
    done: () => assert.deepEqual(steps, [], 'steps that this test does not take'),
  }
}

/** A caller of the gateway who sends again until the answer is 200, with the same id. */
function gatewayCaller({ origin }: Gateway): Send {
  return async (id) => {
    const headers = { authorization: `Bearer ${TOKEN}`, 'idempotency-key': id }
    await until(
      `message ${id} to be taken`,
      async () => {
        const request = fetch(`${origin}/publish/exchange`, { method: 'POST', headers, body: id })
        return (await request.catch(() => undefined))?.status === 200
      },
      120_000,
    )
  }
}

/** Ready and unacknowledged messages of a queue; 0 when it is not there. */
async function messagesIn(vhost: string, queue: string): Promise<number> {
  const columns = ['name', 'messages', '--no-table-headers']
  const listed = await broker.ctl('--quiet', 'list_queues', '-p', vhost, ...columns)
  const row = listed.split('\n').find((line) => line.split('\t')[0] === queue)
  return Number(row?.split('\t')[1] ?? 0)
}

const untilEmpty = (vhost: string, queue: string) =>
  until(`an empty ${queue}`, async () => (await messagesIn(vhost, queue)) === 0, 30_000)

/** What `relay check` says of everything that a listener consists of: all as new. */
async function assertAsNew(env: Record<string, string>) {
  const { code, stdout } = await relayCommand(env, 'check')
  assert.equal(code, 0, stdout)
  assert.match(stdout, /same +exchange +exchange +fanout, durable/)
  assert.match(stdout, /same +queue +topic1 +durable\n/)
}

test('moving over side by side loses nothing and doubles nothing', async (t) => {
  const { step, done } = walk('Side by side')
  const oldUrl = broker.amqpUrl
  const newUrl = oldUrl.replace('%2F', 'warren')
  await broker.ctl('add_vhost', 'warren')
  await broker.ctl('set_permissions', '-p', 'warren', broker.user, '.*', '.*', '.*')
  const deliveries = new Deliveries()
  const predecessor = await startPredecessorRelay(oldUrl, 'exchange', 'topic1')
  const oldConsumer = await startConsumer(oldUrl, 'topic1', deliveries)
  const emitter = startEmitter(await predecessorApi(oldUrl, 'exchange'))
  await emitter.goOn(100)

  step('Start the new side, pointing into the old queues.')
  const settings = { AMQP_URL: newUrl, EXCHANGE: 'exchange', QUEUE_TOPIC: 'topic1' }
  const bridge = await startRelay(t, { ...settings, DEST_URL: oldUrl })
  const gateway = await startTestGateway(t, { AMQP_URL: newUrl })
  await emitter.goOn(100)

  step('Try it.')
  await gatewayCaller(gateway)('by hand')
  await until('it in the old queue', () => deliveries.count('by hand') === 1)

  step('Move the emitters.')
  await emitter.switchTo(gatewayCaller(gateway))
  await emitter.goOn(100)

  step('Stop the old API and the old relays.')
  await untilEmpty('/', predecessor.queue)
  await predecessor.kill()
  await emitter.goOn(100)

  step('Point the relays at the new queues.')
  await bridge.child.stop()
  const relay = await startRelay(t, settings)
  await emitter.goOn(100)

  step('Move the consumers.')
  await untilEmpty('/', 'topic1')
  await oldConsumer.stop()
  const consumer = await startConsumer(newUrl, 'topic1', deliveries)
  t.after(() => consumer.stop())
  await emitter.goOn(100)

  step('Check, and switch the old broker off.')
  const sent = await emitter.stop()
  await untilEmpty('warren', 'relay.exchange.topic1')
  await untilEmpty('warren', 'topic1')
  assert.deepEqual(deliveries.lost(sent), [])
  assert.deepEqual(deliveries.duplicates(), [])
  await assertAsNew(settings)
  await relay.child.stop()
  done()
})

test('moving over in place loses nothing; only what both relays see comes twice', async (t) => {
  const { step, done } = walk('In place')
  const { amqpUrl } = broker
  const deliveries = new Deliveries()
  const predecessor = await startPredecessorRelay(amqpUrl, 'exchange', 'topic1')
  let consumer = await startConsumer(amqpUrl, 'topic1', deliveries)
  t.after(() => consumer.stop())
  const emitter = startEmitter(await predecessorApi(amqpUrl, 'exchange'))
  await emitter.goOn(100)

  step('Put the gateway in the place of the API.')
  const gateway = await startTestGateway(t, { AMQP_URL: amqpUrl })
  await emitter.switchTo(gatewayCaller(gateway))
  await emitter.goOn(100)
  assert.deepEqual(deliveries.duplicates(), [])

  step('Start the new relays.')
  const settings = { AMQP_URL: amqpUrl, EXCHANGE: 'exchange', QUEUE_TOPIC: 'topic1' }
  const firstTwice = emitter.sent
  let relay = await startRelay(t, settings)
  await emitter.goOn(100)

  step('Stop the old relays.')
  await predecessor.kill()
  const lastTwice = emitter.sent
  await emitter.goOn(100)

  step('Make the queue anew.')
  await relay.child.stop()
  await untilEmpty('/', 'topic1')
  await consumer.stop()
  const observer = await observe(amqpUrl)
  t.after(() => observer.close())
  await assert.rejects(observer.depth('topic1'), /NOT_FOUND/, 'auto-delete: it went')
  relay = await startRelay(t, settings)
  consumer = await startConsumer(amqpUrl, 'topic1', deliveries)
  await emitter.goOn(100)

  step('Make the exchange anew.')
  await gateway.child.stop()
  await broker.stop()
  await broker.start()
  await until('the relay', async () => (await relay.readiness()).status === 200, 60_000)
  consumer = await startConsumer(amqpUrl, 'topic1', deliveries)
  await startTestGateway(t, { AMQP_URL: amqpUrl, PORT: new URL(gateway.origin).port })
  await emitter.goOn(100)

  step('Check.')
  const sent = await emitter.stop()
  await untilEmpty('/', 'relay.exchange.topic1')
  await untilEmpty('/', 'topic1')
  assert.deepEqual(deliveries.lost(sent), [])
  const twice = deliveries.unrecognisable().map(Number)
  assert.ok(twice.length > 0 && Math.min(...twice) >= firstTwice - 1, `from ${firstTwice}`)
  assert.ok(Math.max(...twice) <= lastTwice + 1, `${Math.max(...twice)} came after ${lastTwice}`)
  await assertAsNew(settings)
  done()
})
