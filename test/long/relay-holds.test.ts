import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startBroker } from '../support/broker.ts'
import { keepLedger, publishIds } from '../support/ledger.ts'
import { observe } from '../support/messages.ts'
import { startRelay } from '../support/relay.ts'

const FULL_MS = 60_000

for (const order of ['window', 'strict']) {
  test(`a destination that is full for a minute costs no delivery limit of 5 (ORDER=${order})`, async (t) => {
    const broker = await startBroker()
    t.after(() => broker.dispose())
    const observer = await observe(broker.amqpUrl)
    t.after(() => observer.close())
    const limited = { 'x-max-length': 3, 'x-overflow': 'reject-publish' }
    await observer.channel.assertQueue('full.q', { durable: true, arguments: limited })
    const relay = await startRelay(t, {
      AMQP_URL: broker.amqpUrl,
      EXCHANGE: 'full',
      QUEUE_TOPIC: 'full.q',
      HOLD_MS: '1000',
      DELIVERY_LIMIT: '5',
      ORDER: order,
    })
    await publishIds(broker.amqpUrl, 'full', 1000)
    await sleep(FULL_MS)
    const holds = relay.lines.filter(({ why }) => why === 'held').length
    assert.ok(holds >= 2 && holds <= 4, `${holds} holds`)
    const ledger = await keepLedger(broker.amqpUrl, 'full.q')
    t.after(() => ledger.close())
    const account = await ledger.complete(1000, 120_000)
    assert.equal(account.distinct, 1000)
    if (order === 'strict')
      assert.deepEqual(account, { distinct: 1000, duplicates: 0, inOrder: true })
    assert.equal(await observer.depth('relay.full.full.q.dead'), 0)
    assert.equal(await observer.depth('relay.full.full.q'), 0)
  })
}
