import assert from 'node:assert/strict'
import { mock, type TestContext, test } from 'node:test'
import { joinProperties } from '#lib/amqp/raw-properties.ts'
import type { RawPublisher } from '#lib/amqp/raw-publisher.ts'
import { copyOf } from '#relay/copy.ts'
import { createForwarder } from '#relay/forwarder.ts'
import type { Forwarder, ForwarderOptions } from '#relay/forwarding.ts'

const PROPERTIES = joinProperties([])

interface Bench {
  readonly forwarder: Forwarder
  /** The bodies written to the channel in use, in order. */
  readonly written: string[]
  readonly parked: string[]
  deliver(...bodies: string[]): void
  /** A new channel, with numbers from 1. */
  channel(): void
  /** Lets time pass. */
  pass(ms: number): Promise<void>
}

/** A forwarder between a consumer and a channel that are this test. */
function bench(t: TestContext, more: Partial<ForwarderOptions> = {}): Bench {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.after(() => mock.timers.reset())
  let now = 0
  let tag = 0
  const parked: string[] = []
  const written: string[] = []
  const forwarder = createForwarder({
    exchange: '',
    routingKey: 'queue',
    order: 'window',
    lanes: undefined,
    mostInFlight: 500,
    room: { count: 1000, bytes: 1_000_000 },
    deliveryLimit: 50,
    persist: 'always',
    maxHops: 16,
    parkUnroutable: false,
    park: async ({ body }, reason) => {
      parked.push(`${body}: ${reason}`)
      return 'parked'
    },
    onMissing: async () => {},
    onRefusing: () => {},
    onForwarded: () => {},
    onRefused: () => {},
    onChange: () => {},
    now: () => now,
    ...more,
  })
  t.after(() => forwarder.stop())
  return {
    forwarder,
    written,
    parked,
    deliver: (...bodies) => {
      for (const body of bodies) {
        tag += 1
        const delivery = { deliveryTag: tag, redelivered: false, exchange: 'e', routingKey: 'k' }
        forwarder.deliver({ ...delivery, properties: PROPERTIES, body: Buffer.from(body) })
      }
    },
    channel: () => {
      written.length = 0
      forwarder.use(channelInto(written))
    },
    pass: async (ms) => {
      now += ms
      mock.timers.tick(ms)
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve()
    },
  }
}

function channelInto(written: string[]): RawPublisher {
  return {
    publish: (_exchange, _routingKey, _properties, body) => written.push(String(body)),
    isOpen: () => true,
    close: () => {},
  }
}

/** The properties that a copy is sent with. */
const sentOf = () => {
  const origin = { exchange: 'e', routingKey: 'k', redelivered: false, properties: PROPERTIES }
  return copyOf(origin, { persist: 'always', maxHops: 16, nowMs: 0, heldMs: 0 }).properties
}

const ended = (code: number | undefined, connectionLost = false) => ({
  error: new Error(`closed with ${code}`),
  connectionLost,
  ...(code === undefined ? {} : { code }),
})

test('what is confirmed may be acknowledged; nothing else', (t) => {
  const { forwarder, written, deliver, channel } = bench(t)
  deliver('a', 'b', 'c')
  assert.deepEqual(written, [], 'no channel yet')
  channel()
  assert.deepEqual(written, ['a', 'b', 'c'])
  assert.equal(forwarder.takeAckable(), undefined)
  forwarder.events.onConfirm(2, true)
  assert.equal(forwarder.takeAckable(), 2)
  assert.equal(forwarder.state().inHand, 1)
})

test('a returned message is not safe when its confirm comes; it is tried again, alone at first', async (t) => {
  const { forwarder, written, deliver, channel, pass } = bench(t)
  channel()
  deliver('a', 'b')
  forwarder.events.onReturn({ replyText: 'NO_ROUTE', properties: sentOf(), body: Buffer.from('a') })
  forwarder.events.onReturn({ replyText: 'NO_ROUTE', properties: sentOf(), body: Buffer.from('b') })
  forwarder.events.onConfirm(2, true)
  assert.equal(forwarder.takeAckable(), undefined)
  assert.equal(forwarder.state().trouble, 'unroutable')
  await pass(100)
  assert.deepEqual(written, ['a', 'b', 'a'])
  forwarder.events.onConfirm(3, false)
  assert.deepEqual(written, ['a', 'b', 'a', 'b'])
  forwarder.events.onConfirm(4, false)
  assert.equal(forwarder.takeAckable(), 2)
  assert.equal(forwarder.state().trouble, undefined)
})

test('before the next try a missing destination may be made; until then nothing is written', async (t) => {
  const made = Promise.withResolvers<void>()
  const { forwarder, written, deliver, channel, pass } = bench(t, {
    onMissing: () => made.promise,
  })
  channel()
  deliver('a')
  forwarder.events.onReturn({ replyText: 'NO_ROUTE', properties: sentOf(), body: Buffer.from('a') })
  forwarder.events.onConfirm(1, false)
  await pass(100)
  deliver('b')
  assert.deepEqual(written, ['a'])
  made.resolve()
  await pass(0)
  assert.deepEqual(written, ['a', 'a'])
})

test('a nacked message is tried again, and is not a nack to its source', async (t) => {
  const { forwarder, written, deliver, channel, pass } = bench(t)
  channel()
  deliver('a', 'b', 'c')
  forwarder.events.onNack(1, false)
  forwarder.events.onConfirm(3, true)
  assert.equal(forwarder.takeAckable(), undefined)
  assert.deepEqual(forwarder.takeSafe(), [2, 3], 'safe behind it')
  await pass(100)
  assert.deepEqual(written, ['a', 'b', 'c', 'a'])
})

test('a channel that is refused for a second is replaced, and a return on the next one is seen', async (t) => {
  let renewed = 0
  const onRefusing = () => {
    renewed += 1
  }
  const { forwarder, written, deliver, channel, pass } = bench(t, { onRefusing })
  const returned = { replyText: 'NO_ROUTE', properties: sentOf(), body: Buffer.from('a') }
  channel()
  deliver('a')
  forwarder.events.onReturn(returned)
  forwarder.events.onConfirm(1, false)
  await pass(100)
  forwarder.events.onNack(2, false)
  await pass(200)
  assert.equal(renewed, 0, 'not at once')
  forwarder.events.onNack(3, false)
  await pass(1000)
  assert.equal(renewed, 1)
  assert.deepEqual(written, ['a', 'a', 'a'], 'nothing until there is another one')
  channel()
  assert.deepEqual(written, ['a'])
  forwarder.events.onReturn(returned)
  forwarder.events.onConfirm(1, false)
  assert.equal(forwarder.takeAckable(), undefined, 'no queue has it')
})

test('a channel that is lost costs nothing: all is sent again, in order', (t) => {
  const { forwarder, written, deliver, channel } = bench(t)
  channel()
  deliver('a', 'b', 'c')
  forwarder.events.onConfirm(2, false)
  forwarder.events.onEnd(ended(undefined))
  assert.equal(forwarder.state().trouble, 'lost')
  channel()
  assert.deepEqual(written, ['a', 'c'])
})

test('of those that may have ended the channel the one that does it alone is parked', async (t) => {
  const { forwarder, written, parked, deliver, channel, pass } = bench(t)
  channel()
  deliver('a', 'poison', 'c')
  forwarder.events.onEnd(ended(406))
  channel()
  assert.deepEqual(written, ['a'], 'one at a time')
  forwarder.events.onConfirm(1, false)
  assert.deepEqual(written, ['a', 'poison'])
  forwarder.events.onEnd(ended(406))
  await pass(0)
  assert.deepEqual(parked, ['poison: refused-by-broker'])
  channel()
  deliver('d')
  assert.deepEqual(written, ['c'], 'the search goes on until all suspects are past')
  forwarder.events.onConfirm(1, false)
  assert.deepEqual(written, ['c', 'd'])
  assert.equal(forwarder.takeAckable(), 3)
})

test('a connection that ends over a lone message may be chance: three times are none', async (t) => {
  const { forwarder, parked, deliver, channel, pass } = bench(t)
  deliver('a')
  for (const expected of [0, 0, 1]) {
    channel()
    forwarder.events.onEnd(ended(541, true))
    await pass(0)
    assert.equal(parked.length, expected)
  }
})

test('a missing exchange, or one that may not be written to, is not the fault of a message', async (t) => {
  for (const code of [404, 403]) {
    const { forwarder, written, parked, deliver, channel, pass } = bench(t)
    channel()
    deliver('a')
    forwarder.events.onEnd(ended(code))
    channel()
    assert.deepEqual(written, [], 'not at once')
    await pass(100)
    assert.deepEqual(written, ['a'])
    assert.deepEqual(parked, [])
    mock.timers.reset()
  }
})

test('under alarm nothing is written until it is over', (t) => {
  const { forwarder, written, deliver, channel } = bench(t)
  channel()
  forwarder.setBlocked(true)
  deliver('a')
  assert.deepEqual(written, [])
  assert.equal(forwarder.state().trouble, 'blocked')
  forwarder.setBlocked(false)
  assert.deepEqual(written, ['a'])
})

test('with ORDER=strict one message is under way at a time', (t) => {
  const { forwarder, written, deliver, channel } = bench(t, { order: 'strict' })
  channel()
  deliver('a', 'b')
  assert.deepEqual(written, ['a'])
  forwarder.events.onConfirm(1, false)
  assert.deepEqual(written, ['a', 'b'])
})

test('with ON_MISSING=park a returned message is parked, and the others go on', async (t) => {
  const { forwarder, written, parked, deliver, channel, pass } = bench(t, { parkUnroutable: true })
  channel()
  deliver('a', 'b')
  forwarder.events.onReturn({ replyText: 'NO_ROUTE', properties: sentOf(), body: Buffer.from('a') })
  forwarder.events.onConfirm(2, true)
  await pass(0)
  assert.deepEqual(parked, ['a: unroutable'])
  assert.deepEqual(written, ['a', 'b'])
  assert.equal(forwarder.takeAckable(), 2)
})

test('what the parking queue cannot take either is not acknowledged', async (t) => {
  const { forwarder, deliver, channel, pass } = bench(t, { park: async () => 'handed-back' })
  channel()
  deliver('a')
  forwarder.events.onEnd(ended(406))
  await pass(0)
  assert.equal(forwarder.takeAckable(), undefined)
  assert.equal(forwarder.state().inHand, 0)
})
