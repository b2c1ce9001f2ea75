import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Broker, startBroker } from '../support/broker.ts'
import { type Observer, observe } from '../support/messages.ts'
import { startProxy } from '../support/proxy.ts'
import { type PublisherProcess, startPublisherProcess } from '../support/publisher-process.ts'

let broker: Broker
let observer: Observer

before(async () => {
  broker = await startBroker()
  observer = await observe(broker.amqpUrl)
  await observer.bind('frozen', 'frozen.q')
})

after(async () => {
  await observer?.close()
  await broker?.dispose()
})

/** Publishes, freezes, publishes again: at once, at the first attempt, each message once in the queue. */
async function survives(publisher: PublisherProcess, freeze: () => Promise<void>): Promise<void> {
  const first = await publisher.publish('frozen', 'before')
  assert.equal(first.routed, true, first.code)
  await freeze()
  const second = await publisher.publish('frozen', 'after')
  assert.equal(second.routed, true, second.code)
  assert.equal(second.attempts, 1)
  assert.ok(second.ms < 4000, `it took ${second.ms} ms`)
  assert.deepEqual(await observer.ids('frozen.q'), ['before', 'after'])
}

test('frozen for more than three heartbeats: the next publish succeeds at the first attempt', async (t) => {
  const publisher = await startPublisherProcess(broker.amqpUrl, 1)
  t.after(() => publisher.stop())
  await survives(publisher, () => publisher.freeze(4000))
})

test('frozen, and the path became a black hole meanwhile: the same', async (t) => {
  const proxy = await startProxy(broker.amqpPort)
  t.after(() => proxy.close())
  const url = proxy.through(broker.amqpUrl)
  const publisher = await startPublisherProcess(url, 1)
  t.after(() => publisher.stop())
  await survives(publisher, () => publisher.freeze(4000, () => proxy.dropExisting()))
})

test('a heartbeat that waits in the kernel’s buffer proves nothing about a path that is dead now', async (t) => {
  const proxy = await startProxy(broker.amqpPort)
  t.after(() => proxy.close())
  const url = proxy.through(broker.amqpUrl)
  // The freeze is shorter than 1.5 heartbeats, and the broker's heartbeat (every 2 s) is delivered
  // to the frozen process before the path dies.
  const publisher = await startPublisherProcess(url, 4)
  t.after(() => publisher.stop())
  await survives(publisher, () => publisher.freeze(5600, () => proxy.dropExisting()))
})
