import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { deadLetterName, stagingName } from '#lib/names.ts'
import { createAcks } from '#relay/acks.ts'
import { backoffMs } from '#relay/line.ts'
import { type RelayStatus, unreadiness } from '#relay/status.ts'
import { proofsNeeded, verdictOf } from '#relay/verdict.ts'

test('acks are gathered until there are enough, or it is time, or nothing else is in hand', (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.after(() => mock.timers.reset())
  const sent: number[] = []
  const others: number[] = []
  let now = 0
  const acks = createAcks({
    ackUpTo: (tag) => sent.push(tag),
    ack: (tag) => sent.push(-tag),
    takeOthers: () => others.splice(0),
    now: () => now,
    batch: 100,
    intervalMs: 20,
  })
  acks.note(10, false)
  acks.note(99, false)
  assert.deepEqual(sent, [])
  acks.note(100, false)
  assert.deepEqual(sent, [100])
  acks.note(120, false)
  mock.timers.tick(20)
  assert.deepEqual(sent, [100, 120])
  acks.note(121, true)
  assert.deepEqual(sent, [100, 120, 121])
  assert.equal(acks.flush(), false)
  assert.deepEqual(sent, [100, 120, 121], 'nothing twice')
  others.push(123, 125)
  acks.noteOthers()
  mock.timers.tick(20)
  assert.deepEqual(sent.splice(3), [-123, -125], 'one by one')
  assert.equal(acks.flush(), true, 'the broker may forget those of the last second')
  now = 1000
  assert.equal(acks.flush(), false)
  acks.note(130, false)
  acks.stop()
  mock.timers.tick(1000)
  assert.deepEqual(sent, [100, 120, 121])
})

test('connecting is tried again after 100 ms, doubling up to 10 s, with a fifth of chance', () => {
  assert.deepEqual(
    [0, 1, 2, 7, 1000].map((attempt) => backoffMs(attempt, 0.5)),
    [100, 200, 400, 10_000, 10_000],
  )
  assert.equal(backoffMs(0, 0), 90)
  assert.equal(Math.round(backoffMs(0, 1)), 110)
})

test("the end of a publishing channel is judged by the broker's reply code", () => {
  const end = (code?: number, connectionLost = false) => ({
    error: new Error('ended'),
    connectionLost,
    ...(code === undefined ? {} : { code }),
  })
  assert.equal(verdictOf(end()), 'lost')
  assert.equal(verdictOf(end(320, true)), 'lost')
  assert.equal(verdictOf(end(404)), 'missing')
  assert.equal(verdictOf(end(403)), 'forbidden')
  for (const code of [311, 406, 501, 541]) assert.equal(verdictOf(end(code)), 'provoked')
  assert.equal(proofsNeeded(end(406)), 1)
  assert.equal(proofsNeeded(end(541, true)), 3)
})

const READY: RelayStatus = {
  sourceOpen: true,
  destinationOpen: true,
  blocked: false,
  topologyProblem: undefined,
  paused: undefined,
  consuming: true,
  work: {
    inHand: 0,
    aside: 0,
    isCrowded: false,
    inFlight: 0,
    bytes: 0,
    progressMs: 0,
    oldestMs: 0,
    safe: 0,
    trouble: undefined,
  },
  lastDeliveryMs: 0,
  staging: { messages: 0, consumers: 1 },
  dead: { messages: 0, consumers: 0 },
  mismatches: 0,
}

test('a relay is ready when both sides are, and it gets on', () => {
  assert.deepEqual(unreadiness(READY, 1e6), [])
  const why = (more: Partial<RelayStatus>, nowMs = 0) =>
    unreadiness({ ...READY, ...more }, nowMs).join()
  assert.match(why({ sourceOpen: false }), /source/)
  assert.match(why({ destinationOpen: false }), /destination/)
  assert.match(why({ blocked: true }), /alarm/)
  assert.match(why({ topologyProblem: 'no exchange' }), /no exchange/)
  assert.match(why({ consuming: false }), /not consuming/)
  assert.match(why({ paused: 'nacked', consuming: false }), /^the destination .*nacked\)$/)
})

test('deliveries in hand of which none becomes safe, or messages that nobody gets, are not progress', () => {
  const inHand = { ...READY, work: { ...(READY.work as object), inHand: 5 } as RelayStatus['work'] }
  assert.deepEqual(unreadiness(inHand, 29_999), [])
  assert.match(unreadiness(inHand, 30_000).join(), /none became safe/)
  const waiting = { ...READY, staging: { messages: 1, consumers: 1 } }
  assert.deepEqual(unreadiness(waiting, 29_999), [])
  assert.match(unreadiness(waiting, 30_000).join(), /none was delivered/)
  const standby = { ...READY, staging: { messages: 1, consumers: 2 } }
  assert.deepEqual(unreadiness(standby, 30_000), [])
})

test('the names of staging and parking queues fit, and differ when what they are made of does', () => {
  assert.equal(stagingName('orders', 'billing'), 'relay.orders.billing')
  assert.equal(deadLetterName('relay.orders.billing'), 'relay.orders.billing.dead')
  const long = 'ü'.repeat(200)
  const names = [stagingName(long, 'a'), stagingName(long, 'b')]
  assert.notEqual(names[0], names[1])
  for (const name of names) {
    assert.ok(Buffer.byteLength(deadLetterName(name)) <= 255)
    assert.ok(name.startsWith('relay.ü'))
    assert.ok(!name.includes('\uFFFD'))
  }
})
