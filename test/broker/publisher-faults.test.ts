import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Publisher, Receipt } from '#lib/amqp/message.ts'
import { createPublisher } from '#lib/amqp/publisher.ts'
import { deadlineIn } from '#lib/deadline.ts'
import { WarrenError } from '#lib/errors.ts'
import { createLog } from '#lib/log.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { message, type Observer, observe } from '../support/messages.ts'
import { startProxy } from '../support/proxy.ts'

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

function publisherTo(url: string): Publisher {
  return createPublisher({
    broker: { url, heartbeatS: 20 },
    connectionName: 'faults',
    log: createLog({ level: 'silent' }),
  })
}

interface Answer {
  readonly id: string
  readonly ms: number
  readonly receipt?: Receipt
  readonly error?: WarrenError
}

/** One publish and its answer; anything but a WarrenError fails the test. */
async function answerOf(publisher: Publisher, exchange: string, id?: string): Promise<Answer> {
  const m = message(exchange, id === undefined ? {} : { messageId: id })
  const started = performance.now()
  const about = () => ({ id: m.properties.messageId, ms: performance.now() - started })
  try {
    return { receipt: await publisher.publish(m, deadlineIn(7000)), ...about() }
  } catch (error) {
    assert.ok(error instanceof WarrenError, String(error))
    return { error, ...about() }
  }
}

/** The ledger: what was confirmed is in the queue, what was refused is not, nobody waited over 8 s. */
function audit(answers: readonly Answer[], queued: readonly string[]): void {
  const ids = new Set(queued)
  for (const { id, ms, receipt, error } of answers) {
    assert.ok(ms < 8000, `${id} waited ${ms} ms`)
    if (receipt?.routed) assert.ok(ids.has(id), `${id} was confirmed and is lost`)
    if (error?.row.outcome === 'not-published') {
      assert.ok(!ids.has(id), `${id} was answered ${error.code} and is there`)
    }
  }
}

test('1,000 publishes to a queue that never confirms do not touch 500 to another exchange', async (t) => {
  const publisher = publisherTo(broker.amqpUrl)
  t.after(() => publisher.close(100))
  await observer.bind('stuck', 'stuck.q')
  await observer.bind('healthy', 'healthy.q')
  await suspendQueue(broker, 'stuck.q')
  const stuck = Array.from({ length: 1000 }, () => answerOf(publisher, 'stuck'))
  await sleep(100)
  const healthy: Answer[] = []
  for (let i = 0; i < 5; i += 1) {
    const some = Array.from({ length: 100 }, () => answerOf(publisher, 'healthy'))
    healthy.push(...(await Promise.all(some)))
    await sleep(1000)
  }
  assert.equal(healthy.filter(({ receipt }) => receipt?.routed).length, 500)
  const ends = await Promise.all(stuck)
  audit(ends, [])
  for (const { error } of ends) assert.ok([503, 504].includes(error?.row.status ?? 0), error?.code)
  audit(healthy, await observer.ids('healthy.q'))
})

test('a memory alarm: the first answer is 504, the next ones 503 at once; it works again within 6 s', async (t) => {
  const publisher = publisherTo(broker.amqpUrl)
  t.after(() => publisher.close(100))
  await observer.bind('alarmed', 'alarmed.q')
  await observer.channel.assertExchange('warren.canary', 'direct', { durable: true })
  const answers = [await answerOf(publisher, 'alarmed')]
  await broker.alarm(true)
  const first = await answerOf(publisher, 'alarmed')
  assert.equal(first.error?.code, 'blocked-in-flight')
  assert.ok(first.ms < 1500, `${first.ms} ms`)
  const second = await answerOf(publisher, 'alarmed')
  assert.equal(second.error?.code, 'broker-blocked')
  assert.ok(second.error?.row.retryAfterS)
  assert.ok(second.ms < 200, `${second.ms} ms`)
  answers.push(first, second)
  // Longer than the cooling: a canary finds the alarm still on, and no caller's message pays for it.
  const until = performance.now() + 6000
  while (performance.now() < until) {
    const answer = await answerOf(publisher, 'alarmed')
    assert.equal(answer.error?.code, 'broker-blocked')
    answers.push(answer)
    await sleep(100)
  }
  await broker.alarm(false)
  const cleared = performance.now()
  for (;;) {
    const answer = await answerOf(publisher, 'alarmed')
    answers.push(answer)
    if (answer.receipt) break
    assert.ok(performance.now() - cleared < 6000, 'it did not work again within 6 s')
    await sleep(50)
  }
  await sleep(500)
  audit(answers, await observer.ids('alarmed.q'))
})

test('without a canary exchange an alarm and its end are found all the same', async (t) => {
  const publisher = publisherTo(broker.amqpUrl)
  t.after(() => publisher.close(100))
  await observer.bind('alarmed2', 'alarmed2.q')
  await observer.channel.deleteExchange('warren.canary')
  const answers = [await answerOf(publisher, 'alarmed2')]
  const burst = () => Promise.all(Array.from({ length: 20 }, () => answerOf(publisher, 'alarmed2')))
  await broker.alarm(true)
  answers.push(await answerOf(publisher, 'alarmed2'))
  assert.equal(answers.at(-1)?.error?.code, 'blocked-in-flight')
  await sleep(5100)
  const during = await burst()
  await broker.alarm(false)
  await sleep(5100)
  const afterwards = await burst()
  assert.ok(during.filter(({ error }) => error?.code === 'broker-blocked').length >= 19)
  assert.ok(afterwards.every(({ receipt }) => receipt?.routed))
  audit([...answers, ...during, ...afterwards], await observer.ids('alarmed2.q'))
})

test('the path becomes a black hole under a publish: a second attempt, once in the queue', async (t) => {
  const proxy = await startProxy(broker.amqpPort)
  t.after(() => proxy.close())
  const publisher = publisherTo(proxy.through(broker.amqpUrl))
  t.after(() => publisher.close(100))
  await observer.bind('hole', 'hole.q')
  await answerOf(publisher, 'hole', 'a')
  proxy.dropExisting()
  const answer = await answerOf(publisher, 'hole', 'b')
  assert.equal(answer.receipt?.attempts, 2, answer.error?.code)
  assert.deepEqual(await observer.ids('hole.q'), ['a', 'b'])
})

test('no queue takes the second attempt: that is the whole truth only if the first was never written', async (t) => {
  const proxy = await startProxy(broker.amqpPort)
  t.after(() => proxy.close())
  const publisher = publisherTo(proxy.through(broker.amqpUrl))
  t.after(() => publisher.close(100))
  await observer.bind('deserted', 'deserted.q')
  await observer.channel.deleteQueue('deserted.q')

  await publisher.ready(deadlineIn(2000))
  proxy.dropExisting()
  const unwritten = await answerOf(publisher, 'deserted')
  assert.equal(unwritten.error?.code, 'unroutable')

  // Now its channel is open, and the next message is written into the hole.
  proxy.dropExisting()
  const written = await answerOf(publisher, 'deserted')
  assert.equal(written.error?.code, 'connection-lost')
})

test('the confirm is lost for good: unknown, and the message is in the queue', async (t) => {
  const proxy = await startProxy(broker.amqpPort)
  t.after(() => proxy.close())
  const publisher = publisherTo(proxy.through(broker.amqpUrl))
  t.after(() => publisher.close(100))
  await observer.bind('mute', 'mute.q')
  await answerOf(publisher, 'mute', 'a')
  proxy.mode = 'drop-replies'
  const answer = await answerOf(publisher, 'mute', 'b')
  assert.equal(answer.error?.code, 'connection-lost')
  assert.ok(answer.ms < 8000)
  assert.deepEqual(await observer.ids('mute.q'), ['a', 'b'])
})

test('the broker closes the connection: the next publish succeeds', async (t) => {
  const publisher = publisherTo(broker.amqpUrl)
  t.after(() => publisher.close(100))
  await observer.bind('closed', 'closed.q')
  await answerOf(publisher, 'closed', 'a')
  await broker.erlang(
    '[rabbit_networking:close_connection(P, "test") || P <- rabbit_networking:connections(), element(2, hd(rabbit_networking:connection_info(P, [client_properties]))) =/= none].',
  )
  const answer = await answerOf(publisher, 'closed', 'b')
  assert.equal(answer.receipt?.routed, true, answer.error?.code)
  await observer.close()
  observer = await observe(broker.amqpUrl)
  assert.deepEqual(await observer.ids('closed.q'), ['a', 'b'])
})

test('the broker is paused: nobody waits over 8 s, and it works again when it goes on', async (t) => {
  const publisher = publisherTo(broker.amqpUrl)
  t.after(() => publisher.close(100))
  await observer.bind('paused', 'paused.q')
  const answers = [await answerOf(publisher, 'paused')]
  broker.pause()
  const waiting = Array.from({ length: 50 }, () => answerOf(publisher, 'paused'))
  answers.push(...(await Promise.all(waiting)))
  answers.push(await answerOf(publisher, 'paused'))
  broker.resume()
  answers.push(await answerOf(publisher, 'paused'))
  assert.equal(answers.at(-1)?.receipt?.routed, true, answers.at(-1)?.error?.code)
  assert.equal(answers.at(-2)?.error?.code, 'broker-unavailable')
  await sleep(500)
  audit(answers, await observer.ids('paused.q'))
})

test('the broker is stopped and started under load: no 200 without its message', async (t) => {
  const publisher = publisherTo(broker.amqpUrl)
  t.after(() => publisher.close(100))
  await observer.bind('restarted', 'restarted.q')
  const answers: Answer[] = []
  let loading = true
  const load = Array.from({ length: 16 }, async () => {
    while (loading) {
      const answer = await answerOf(publisher, 'restarted')
      answers.push(answer)
      if (answer.error) await sleep(20)
    }
  })
  await sleep(500)
  await broker.stop()
  await sleep(500)
  await broker.start()
  await sleep(1500)
  loading = false
  await Promise.all(load)
  assert.equal((await answerOf(publisher, 'restarted', 'last')).receipt?.routed, true)
  await observer.close()
  observer = await observe(broker.amqpUrl)
  const queued = await observer.ids('restarted.q')
  audit(answers, queued)
  assert.ok(queued.includes('last'))
})

/** Suspends a queue's process, so that it takes and confirms nothing. */
async function suspendQueue(on: Broker, queue: string): Promise<void> {
  await on.erlang(
    `{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"${queue}">>)),
     spawn(fun() -> erlang:suspend_process(amqqueue:get_pid(Q)), receive stop -> ok end end).`,
  )
}
