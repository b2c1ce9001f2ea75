import assert from 'node:assert/strict'
import { before, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Broker, startBroker } from './broker.ts'
import {
  type Language,
  publishCopies,
  QUEUE,
  type Started,
  type Workplace,
  workplaceFor,
} from './documented-consumer.ts'
import { endOfFile } from './ending.ts'
import { type Observer, observe } from './messages.ts'
import { startProxy } from './proxy.ts'
import { until } from './until.ts'

/** An interpreter has to start, connect and work; on a busy machine. */
const WITHIN_MS = 60_000

const KILLS = 5
const IDS_PER_KILL = 40

const idsOf = (round: number) =>
  Array.from({ length: IDS_PER_KILL }, (_, index) => `id ${round}.${index}`)

/** Holds a consumer of docs/consumers.md to what is said about it there. */
export function consumerCases(language: Language): void {
  const ending = endOfFile()
  const { fence } = language
  let broker: Broker
  let observer: Observer

  before(async () => {
    broker = await startBroker()
    ending.after(() => broker.dispose())
    observer = await observe(broker.amqpUrl)
    ending.after(() => observer.close())
  })
  beforeEach(async () => {
    await observer.channel.assertQueue(QUEUE, { durable: true })
    await observer.channel.purgeQueue(QUEUE)
  })

  const state = () => observer.channel.checkQueue(QUEUE)
  const untilConsuming = () =>
    until('the consumer', async () => (await state()).consumerCount === 1, WITHIN_MS)
  const untilWorked = (workplace: Workplace, count: number) =>
    until(`${count} worked on`, () => workplace.worked().length >= count, WITHIN_MS)

  /** Ends the consumer once it has taken all; what it had not acknowledged is then back. */
  async function untilEmpty(consumer: Started) {
    await until('an empty queue', async () => (await state()).messageCount === 0, WITHIN_MS)
    await sleep(1000) // For the acks of what it took last.
    await consumer.kill()
    await until('its end', async () => (await state()).consumerCount === 0)
    assert.equal((await state()).messageCount, 0, 'not all was acknowledged')
  }

  test(`${fence}: sent three times and killed at random, each message is worked on once`, async (t) => {
    const workplace = await workplaceFor(t, language)
    const ids: string[] = []
    for (let round = 0; round < KILLS; round += 1) {
      const before = workplace.worked().length
      ids.push(...idsOf(round))
      await publishCopies(observer, idsOf(round), 3)
      const consumer = workplace.start(broker.amqpUrl)
      await untilWorked(workplace, before + 1)
      await sleep(Math.random() * 100)
      await consumer.kill()
    }
    const consumer = workplace.start(broker.amqpUrl)
    await untilWorked(workplace, ids.length)
    await untilEmpty(consumer)
    assert.deepEqual(workplace.worked().toSorted(), ids.toSorted())
  })

  test(`${fence}: after a crash between work and ack it is only acknowledged`, async (t) => {
    const workplace = await workplaceFor(t, language)
    const proxy = await startProxy(broker.amqpPort)
    t.after(() => proxy.close())
    const consumer = workplace.start(
      broker.amqpUrl.replace(`:${broker.amqpPort}`, `:${proxy.port}`),
    )
    await untilConsuming()
    proxy.mode = 'drop-requests' // Its acks go nowhere from now on.
    await publishCopies(observer, ['once'], 1)
    await untilWorked(workplace, 1)
    await consumer.kill()
    proxy.reset()
    await until('the message to be back', async () => (await state()).messageCount === 1)
    await untilEmpty(workplace.start(broker.amqpUrl))
    assert.deepEqual(workplace.worked(), ['once'])
  })

  test(`${fence}: a message without an id is worked on each time`, async (t) => {
    const workplace = await workplaceFor(t, language)
    for (let copy = 0; copy < 2; copy += 1) {
      observer.channel.sendToQueue(QUEUE, Buffer.from('anonymous'))
    }
    const consumer = workplace.start(broker.amqpUrl)
    await untilWorked(workplace, 2)
    await untilEmpty(consumer)
    assert.deepEqual(workplace.worked(), ['anonymous', 'anonymous'])
  })

  test(`${fence}: ends when its connection or its queue goes`, async (t) => {
    const workplace = await workplaceFor(t, language)
    const faults = [
      () => broker.ctl('close_all_connections', 'a test'),
      () => observer.channel.deleteQueue(QUEUE),
    ]
    for (const cause of faults) {
      const consumer = workplace.start(broker.amqpUrl)
      await untilConsuming()
      await cause()
      const late = sleep(WITHIN_MS, 'still runs', { ref: false })
      assert.notEqual(await Promise.race([consumer.ended, late]), 'still runs')
      // The first fault ends the observer's connection as well.
      observer = await observe(broker.amqpUrl)
      ending.after(() => observer.close())
    }
  })
}
