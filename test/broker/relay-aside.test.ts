import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'amqplib'
import { type Broker, startBroker } from '../support/broker.ts'
import { keepLedger } from '../support/ledger.ts'
import { type Observer, observe } from '../support/messages.ts'
import { type RelayProcess, startRelay } from '../support/relay.ts'
import { until } from '../support/until.ts'

let broker: Broker
let observer: Observer

before(async () => {
  broker = await startBroker()
  observer = await observe(broker.amqpUrl)
})

after(async () => {
  await observer?.close()
  await broker?.dispose()
})

/** Holds that last no minute, so that the time of this test is many of them. */
const SHORT_HOLDS = { HOLD_MS: '400', HOLD_CHECK_MS: '200', HOLD_PAUSE_MS: '800' }

/** A topic exchange as destination with a queue for `good.#`, and a relay from `name` to it. */
async function toExchange(t: Parameters<typeof startRelay>[0], name: string, env = {}) {
  await observer.channel.assertExchange(name, 'topic', { durable: true })
  await observer.channel.assertExchange(`${name}.to`, 'topic', { durable: true })
  await observer.channel.assertQueue(`${name}.good`, { durable: true })
  await observer.channel.bindQueue(`${name}.good`, `${name}.to`, 'good.#')
  return startRelay(t, settingsOf(name, env))
}

const settingsOf = (name: string, env = {}) => ({
  AMQP_URL: broker.amqpUrl,
  EXCHANGE: name,
  EXCHANGE_TYPE: 'topic',
  DEST_EXCHANGE: `${name}.to`,
  ...SHORT_HOLDS,
  ...env,
})

/** Publishes ids `from` to `to`, each with its key; resolves once the broker has them. */
async function publish(
  exchange: string,
  from: number,
  to: number,
  keyOf: (id: number) => string,
  bytes = 100,
) {
  const connection = await connect(broker.amqpUrl)
  const channel = await connection.createConfirmChannel()
  for (let id = from; id < to; id += 1) {
    channel.publish(exchange, keyOf(id), Buffer.alloc(bytes), { messageId: String(id) })
  }
  await channel.waitForConfirms()
  await connection.close()
}

const heldTimes = ({ lines }: RelayProcess) =>
  lines.filter(({ message, why }) => message === 'session ended' && why === 'held').length

const MANY_HOLDS_MS = 6000

test('one unbound key among 400 stops nobody, and nothing comes twice', async (t) => {
  const relay = await toExchange(t, 'one')
  const ledger = await keepLedger(broker.amqpUrl, 'one.good')
  t.after(() => ledger.close())
  await publish('one', 0, 400, (id) => (id === 7 ? 'odd.key' : 'good.key'))
  await until('all others', () => new Set(ledger.ids).size === 399, 3000)
  await sleep(MANY_HOLDS_MS)
  assert.deepEqual(await ledger.complete(399), { distinct: 399, duplicates: 0, inOrder: true })
  await publish('one', 400, 420, () => 'good.key')
  await until('those who come later', () => new Set(ledger.ids).size === 419, 3000)
  assert.equal(await relay.metric('parked_total'), 0)
  await observer.channel.bindQueue('one.good', 'one.to', 'odd.#')
  const { distinct, duplicates } = await ledger.complete(420)
  assert.deepEqual({ distinct, duplicates }, { distinct: 420, duplicates: 0 })
  assert.equal(await observer.depth('relay.one.one.to'), 0)
})

test('many unbound keys between the others, more than fit into a window: none stops the listener', async (t) => {
  const relay = await toExchange(t, 'many', { PREFETCH: '20' })
  const ledger = await keepLedger(broker.amqpUrl, 'many.good')
  t.after(() => ledger.close())
  await publish('many', 0, 600, (id) => (id % 3 === 0 ? `odd.${id}` : 'good.key'))
  await until('all others', () => new Set(ledger.ids).size === 400, 15_000)
  await relay.child.stop()
  await startRelay(t, settingsOf('many', { PREFETCH: '20' }))
  await sleep(2000)
  await observer.channel.bindQueue('many.good', 'many.to', 'odd.#')
  const { distinct, duplicates } = await ledger.complete(600)
  assert.deepEqual({ distinct, duplicates }, { distinct: 600, duplicates: 0 })
})

test('a thousand of one unbound key in a row wait aside in their order', async (t) => {
  const relay = await toExchange(t, 'row', { PREFETCH: '50' })
  const ledger = await keepLedger(broker.amqpUrl, 'row.good')
  t.after(() => ledger.close())
  await publish('row', 0, 1000, () => 'odd.key')
  await publish('row', 1000, 1050, () => 'good.key')
  await until('those behind', () => new Set(ledger.ids).size === 50, 15_000)
  await until('aside', async () => (await relay.metric('aside')) === 1000)
  assert.equal(await relay.metric('held_seconds_total'), 0)
  await observer.channel.bindQueue('row.good', 'row.to', 'odd.#')
  const { distinct, duplicates } = await ledger.complete(1050)
  assert.deepEqual({ distinct, duplicates }, { distinct: 1050, duplicates: 0 })
  const late = ledger.ids.filter((id) => id < 1000)
  assert.deepEqual(
    late,
    late.toSorted((a, b) => a - b),
  )
  assert.equal(await relay.metric('parked_total'), 0)
})

test('beyond their room the oldest are parked, if others get through', async (t) => {
  const relay = await toExchange(t, 'room', { PREFETCH: '50', PREFETCH_BYTES: '40000' })
  const ledger = await keepLedger(broker.amqpUrl, 'room.good')
  t.after(() => ledger.close())
  await publish('room', 0, 200, (id) => (id % 2 === 0 ? 'odd.key' : 'good.key'), 1000)
  await until('all others', () => new Set(ledger.ids).size === 100, 15_000)
  const dead = 'relay.room.room.to.dead'
  await until('the oldest parked', async () => (await observer.depth(dead)) >= 85)
  const parked = await observer.channel.get(dead, { noAck: true })
  assert.ok(parked !== false)
  assert.equal(parked.properties.messageId, '0')
  assert.equal(parked.properties.headers?.['x-relay-reason'], 'unroutable')
  assert.ok((await relay.metric('aside')) <= 11)
})

test('when no key at all is bound it holds everything, parks nothing, and then nothing is missing', async (t) => {
  const env = { PREFETCH: '50', PREFETCH_BYTES: '40000' }
  const relay = await toExchange(t, 'none', env)
  await observer.channel.unbindQueue('none.good', 'none.to', 'good.#')
  const ledger = await keepLedger(broker.amqpUrl, 'none.good')
  t.after(() => ledger.close())
  await publish('none', 0, 300, (id) => `good.${id % 7}`, 1000)
  await until('holds', () => heldTimes(relay) >= 3, 30_000)
  assert.equal(await relay.metric('parked_total'), 0)
  await observer.channel.bindQueue('none.good', 'none.to', 'good.#')
  const { distinct, duplicates } = await ledger.complete(300)
  assert.deepEqual({ distinct, duplicates }, { distinct: 300, duplicates: 0 })
  assert.equal(await observer.depth('relay.none.none.to.dead'), 0)
})

test('a full queue of one key stops its own key alone, and nothing comes twice', async (t) => {
  const limited = { 'x-max-length': 3, 'x-overflow': 'reject-publish' }
  await observer.channel.assertQueue('full.one', { durable: true, arguments: limited })
  const relay = await toExchange(t, 'full')
  await observer.channel.bindQueue('full.one', 'full.to', 'full.#')
  const ledger = await keepLedger(broker.amqpUrl, 'full.good')
  t.after(() => ledger.close())
  await publish('full', 0, 400, (id) => (id % 10 === 0 ? 'full.key' : 'good.key'))
  await until('all others', () => new Set(ledger.ids).size === 360, 5000)
  await sleep(MANY_HOLDS_MS)
  await publish('full', 400, 420, () => 'good.key')
  const good = await ledger.complete(380)
  assert.deepEqual([good.distinct, good.duplicates], [380, 0])
  const slow = await keepLedger(broker.amqpUrl, 'full.one')
  t.after(() => slow.close())
  assert.deepEqual(await slow.complete(40), { distinct: 40, duplicates: 0, inOrder: true })
  assert.ok((await relay.metric('nacked_total')) > 0)
})

test('on a headers exchange, where all have one key, what no queue takes stops nobody', async (t) => {
  await observer.channel.assertExchange('heads.to', 'headers', { durable: true })
  await observer.channel.assertQueue('heads.good', { durable: true })
  await observer.channel.bindQueue('heads.good', 'heads.to', '', { for: 'good' })
  await startRelay(t, settingsOf('heads'))
  const ledger = await keepLedger(broker.amqpUrl, 'heads.good')
  t.after(() => ledger.close())
  const connection = await connect(broker.amqpUrl)
  const channel = await connection.createConfirmChannel()
  for (let id = 0; id < 200; id += 1) {
    const headers = { for: id % 20 === 0 ? 'nobody' : 'good' }
    channel.publish('heads', '', Buffer.from('.'), { messageId: String(id), headers })
  }
  await channel.waitForConfirms()
  await connection.close()
  await until('all others', () => new Set(ledger.ids).size === 190, 5000)
  await observer.channel.bindQueue('heads.good', 'heads.to', '', { for: 'nobody' })
  const { distinct, duplicates } = await ledger.complete(200)
  assert.deepEqual({ distinct, duplicates }, { distinct: 200, duplicates: 0 })
})

test('with ORDER=strict nothing overtakes what no queue takes', async (t) => {
  await toExchange(t, 'order', { ORDER: 'strict' })
  const ledger = await keepLedger(broker.amqpUrl, 'order.good')
  t.after(() => ledger.close())
  await publish('order', 0, 50, (id) => (id === 20 ? 'odd.key' : 'good.key'))
  await until('those before', () => ledger.ids.length === 20, 5000)
  await sleep(2000)
  assert.equal(ledger.ids.length, 20)
  await observer.channel.bindQueue('order.good', 'order.to', 'odd.#')
  assert.deepEqual(await ledger.complete(50), { distinct: 50, duplicates: 0, inOrder: true })
})

test('the end of a relay with messages aside costs no duplicate; a kill costs a window at most', async (t) => {
  const relay = await toExchange(t, 'end', { PREFETCH: '100' })
  const ledger = await keepLedger(broker.amqpUrl, 'end.good')
  t.after(() => ledger.close())
  const isOdd = (id: number) => id % 50 === 3
  await publish('end', 0, 2000, (id) => (isOdd(id) ? `odd.${id}` : 'good.key'))
  await until('under way', () => ledger.ids.length > 300)
  await relay.child.stop()
  const next = await startRelay(t, settingsOf('end', { PREFETCH: '100' }))
  const account = await ledger.complete(1960)
  assert.deepEqual([account.distinct, account.duplicates], [1960, 0])
  await publish('end', 2000, 4000, (id) => (isOdd(id) ? `odd.${id}` : 'good.key'))
  await until('under way', () => ledger.ids.length > 2300)
  next.child.signal('SIGKILL')
  await startRelay(t, settingsOf('end', { PREFETCH: '100' }))
  const { distinct, duplicates } = await ledger.complete(3920)
  assert.equal(distinct, 3920)
  assert.ok(duplicates <= 100, `${duplicates} duplicates`)
})
