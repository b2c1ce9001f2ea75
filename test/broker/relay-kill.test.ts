import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Broker, startBroker } from '../support/broker.ts'
import { keepLedger, publishIds } from '../support/ledger.ts'
import { observe } from '../support/messages.ts'
import { startRelay } from '../support/relay.ts'
import { until } from '../support/until.ts'

let broker: Broker

before(async () => {
  broker = await startBroker()
})

after(() => broker?.dispose())

const MESSAGES = 20_000
const KILLS = 4
const PREFETCH = 500

test('killed four times over 20,000 messages: none lost, in order, at most a window twice', async (t) => {
  const settings = {
    AMQP_URL: broker.amqpUrl,
    EXCHANGE: 'kill',
    QUEUE_TOPIC: 'kill.q',
    PREFETCH: String(PREFETCH),
  }
  let relay = await startRelay(t, settings)
  const ledger = await keepLedger(broker.amqpUrl, 'kill.q')
  t.after(() => ledger.close())
  const published = publishIds(broker.amqpUrl, 'kill', MESSAGES)
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const enough = (MESSAGES / (KILLS + 1)) * kill
    await until('the relay is under way', () => ledger.ids.length >= enough, 60_000)
    relay.child.signal('SIGKILL')
    await relay.child.ended
    relay = await startRelay(t, settings)
  }
  await published
  const account = await ledger.complete(MESSAGES)
  assert.equal(account.distinct, MESSAGES)
  assert.ok(account.duplicates <= KILLS * PREFETCH, `${account.duplicates} duplicates`)
  assert.ok(account.inOrder, 'first appearances out of order')
  const observer = await observe(broker.amqpUrl)
  t.after(() => observer.close())
  for (const queue of ['relay.kill.kill.q', 'relay.kill.kill.q.dead', 'kill.q']) {
    assert.equal(await observer.depth(queue), 0, queue)
  }
})
