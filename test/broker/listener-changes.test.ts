import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { type Broker, startBroker } from '../support/broker.ts'
import { endOfFile } from '../support/ending.ts'
import { observe } from '../support/messages.ts'
import { startRelay } from '../support/relay.ts'
import { relayCommand } from '../support/relay-command.ts'
import { confirmedSend, Deliveries, startConsumer, startEmitter } from '../support/traffic.ts'
import { until } from '../support/until.ts'

const ending = endOfFile()
let broker: Broker

before(async () => {
  broker = await startBroker()
  ending.after(() => broker.dispose())
})

test('from relay to bind and back: nothing is lost, and what comes twice has the same id', async (t) => {
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'swapped', QUEUE_TOPIC: 'swapped.q' }
  const binding = { ...settings, RELAY_MODE: 'bind' }
  const detached = async (env: Record<string, string>) => {
    const { code, stdout } = await relayCommand(env, 'detach')
    assert.equal(code, 0, stdout)
  }
  const asTheSettingsSay = async (env: Record<string, string>) => {
    const { code, stdout } = await relayCommand(env, 'check')
    assert.equal(code, 0, stdout)
  }
  const relay = await startRelay(t, settings)
  const deliveries = new Deliveries()
  const consumer = await startConsumer(broker.amqpUrl, 'swapped.q', deliveries)
  t.after(() => consumer.stop())
  const emitter = startEmitter(await confirmedSend(broker.amqpUrl, 'swapped'))
  await emitter.goOn(50)

  const bound = await startRelay(t, binding)
  await emitter.goOn(50)
  await relay.child.stop()
  await emitter.goOn(50)
  await detached(settings)
  await asTheSettingsSay(binding)
  const twice = deliveries.duplicates().length
  assert.ok(twice > 0)
  await emitter.goOn(50)

  const again = await startRelay(t, settings)
  await emitter.goOn(50)
  await bound.child.stop()
  await detached(binding)
  await emitter.goOn(50)
  await asTheSettingsSay(settings)

  const sent = await emitter.stop()
  await until('all of them', () => deliveries.lost(sent).length === 0)
  assert.deepEqual(deliveries.unrecognisable(), [])
  assert.ok(deliveries.duplicates().length > twice)
  await again.child.stop()
  const observer = await observe(broker.amqpUrl)
  t.after(() => observer.close())
  assert.equal(await observer.depth('relay.swapped.swapped.q'), 0)
})
