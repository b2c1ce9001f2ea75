import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Publisher } from '#lib/amqp/message.ts'
import { createPublisher } from '#lib/amqp/publisher.ts'
import { deadlineIn } from '#lib/deadline.ts'
import { WarrenError } from '#lib/errors.ts'
import { createLog } from '#lib/log.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { message, type Observer, observe } from '../support/messages.ts'
import { until } from '../support/until.ts'

let broker: Broker
let observer: Observer
let publisher: Publisher

before(async () => {
  broker = await startBroker()
  observer = await observe(broker.amqpUrl)
  publisher = createPublisher({
    broker: { url: broker.amqpUrl, heartbeatS: 20 },
    connectionName: 'test',
    log: createLog({ level: 'silent' }),
  })
})

after(async () => {
  await publisher?.close(1000)
  await observer?.close()
  await broker?.dispose()
})

const failsWith = (code: string) => (error: unknown) => {
  assert.ok(error instanceof WarrenError, String(error))
  assert.equal(error.code, code, String(error.cause))
  return true
}

test('a confirmed and routed message is in the queue, unchanged and persistent', async () => {
  await observer.bind('plain', 'plain.q')
  const receipt = await publisher.publish(message('plain', { messageId: 'm1' }), deadlineIn(7000))
  assert.deepEqual(receipt, { routed: true, attempts: 1 })
  const got = await observer.channel.get('plain.q', { noAck: true })
  assert.ok(got !== false)
  assert.equal(got.content.toString(), 'm1')
  assert.equal(got.properties.messageId, 'm1')
  assert.equal(got.properties.deliveryMode, 2)
})

test('no queue is an error when mandatory, else a receipt that says so', async () => {
  await observer.channel.assertExchange('lonely', 'fanout', { durable: true })
  await assert.rejects(
    publisher.publish(message('lonely'), deadlineIn(7000)),
    failsWith('unroutable'),
  )
  const receipt = await publisher.publish(message('lonely', { mandatory: false }), deadlineIn(7000))
  assert.deepEqual(receipt, { routed: false, attempts: 1 })
})

test('100 good publishes and one to an unknown exchange at once: 100 confirmed, one refused', async () => {
  await observer.bind('crowd', 'crowd.q')
  const good = Array.from({ length: 100 }, () => message('crowd'))
  const bad = publisher.publish(message('nope'), deadlineIn(7000)).catch((error) => error)
  const results = await Promise.allSettled(good.map((m) => publisher.publish(m, deadlineIn(7000))))
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 100)
  assert.ok(failsWith('exchange-not-found')(await bad))
  assert.equal((await observer.ids('crowd.q')).length, 100)
})

test('an exchange that comes to be is found within two seconds', async () => {
  await assert.rejects(
    publisher.publish(message('late'), deadlineIn(7000)),
    failsWith('exchange-not-found'),
  )
  await observer.bind('late', 'late.q')
  const until = performance.now() + 2000
  const tryAgain = async (): Promise<boolean> => {
    const ok = await publisher.publish(message('late'), deadlineIn(7000)).catch(() => undefined)
    return ok !== undefined || (performance.now() < until && tryAgain())
  }
  assert.ok(await tryAgain())
})

test('a full queue that refuses is a nack', async () => {
  await observer.bind('full', 'full.q', { 'x-max-length': 1, 'x-overflow': 'reject-publish' })
  await publisher.publish(message('full'), deadlineIn(7000))
  await assert.rejects(publisher.publish(message('full'), deadlineIn(7000)), failsWith('nacked'))
})

test('a quorum queue whose limit was lifted takes messages again, though it refuses old channels', async () => {
  await observer.bind('lifted', 'lifted.q', { 'x-queue-type': 'quorum' })
  const limit = JSON.stringify({ 'max-length': 0, overflow: 'reject-publish' })
  await broker.ctl('set_policy', '--apply-to', 'queues', 'lifted', '^lifted\\.q$', limit)
  const publish = () => publisher.publish(message('lifted'), deadlineIn(7000)).catch((e) => e)
  const isNack = (answer: unknown) => answer instanceof WarrenError && answer.code === 'nacked'
  await until('a nack', async () => isNack(await publish()))
  await broker.ctl('clear_policy', 'lifted')
  await sleep(1000)
  assert.deepEqual(await publish(), { routed: true, attempts: 1 })
})

test('two publishes with the same id at once: each gets its own answer', async () => {
  await observer.bind('same', 'same.q')
  const twice = [message('same', { messageId: 'x' }), message('same', { messageId: 'x' })]
  const receipts = await Promise.all(twice.map((m) => publisher.publish(m, deadlineIn(7000))))
  assert.deepEqual(
    receipts.map(({ routed }) => routed),
    [true, true],
  )
  assert.deepEqual(await observer.ids('same.q'), ['x', 'x'])
})

test('more exchanges than channels: all are served, and at most 3 channels stay open', async () => {
  const names = Array.from({ length: 8 }, (_, i) => `many${i}`)
  for (const name of names) await observer.bind(name, `${name}.q`)
  const results = await Promise.all(
    names.map((name) => publisher.publish(message(name), deadlineIn(7000))),
  )
  assert.ok(results.every(({ routed }) => routed))
  const channels = await broker.ctl('list_channels', 'connection', 'name', '-q')
  const own = channels.split('\n').filter((line) => line.includes('->')).length
  assert.ok(own <= 3 + 1, channels) // and the observer's
})

test('a body over the broker’s max_message_size is refused with the limit, and remembered', async () => {
  await observer.bind('big', 'big.q')
  const body = Buffer.alloc(33 * 1024 * 1024)
  const send = () => publisher.publish(message('big', { body }), deadlineIn(7000))
  await assert.rejects(send(), (error: WarrenError) => {
    assert.equal(error.context.maxBytes, 33554432)
    return failsWith('body-too-large')(error)
  })
  const started = performance.now()
  await assert.rejects(send(), failsWith('body-too-large'))
  assert.ok(performance.now() - started < 100)
})

test('an exchange deleted under load: no message answered not-published is in a queue', async () => {
  await observer.bind('doomed', 'doomed.q')
  const messages = Array.from({ length: 2000 }, () => message('doomed'))
  const sending = messages.map(async (m, i) => {
    await new Promise((resolve) => setTimeout(resolve, i / 4))
    const answer = await publisher.publish(m, deadlineIn(7000)).catch((error) => error)
    return { id: m.properties.messageId, answer }
  })
  await new Promise((resolve) => setTimeout(resolve, 200))
  await observer.channel.deleteExchange('doomed')
  const answers = await Promise.all(sending)
  const queued = new Set(await observer.ids('doomed.q'))
  const confirmed = answers.filter(({ answer }) => answer.routed)
  assert.ok(confirmed.length > 0 && confirmed.length < 2000)
  for (const { id, answer } of answers) {
    if (answer.routed) assert.ok(queued.has(id), `${id} was confirmed and is lost`)
    else if (answer.row.outcome === 'not-published') assert.ok(!queued.has(id), `${id} is there`)
  }
})
