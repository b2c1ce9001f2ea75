import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  joinProperties,
  PROPERTY,
  type RawProperties,
  shortString,
} from '#lib/amqp/raw-properties.ts'
import { createWindow, type Entry, type Window } from '#relay/window.ts'
import { rawEntry, rawTable } from '../support/raw.ts'

function deliver(window: Window, tag: number, body = `body ${tag}`): Entry {
  const delivery = {
    deliveryTag: tag,
    redelivered: false,
    exchange: '',
    routingKey: '',
    properties: Buffer.from('properties'),
    body: Buffer.from(body),
  }
  return window.add(delivery, 0)
}

/** Delivers the tags 1 to `count` and sends all of them, as messages 1 to `count`. */
function sentWindow(count: number): { window: Window; entries: Entry[] } {
  const window = createWindow()
  const entries = Array.from({ length: count }, (_, index) => deliver(window, index + 1))
  for (const [index, entry] of entries.entries()) window.markSent(entry, index + 1, P)
  return { window, entries }
}

const P = joinProperties([])
const tagsOf = (entries: readonly Entry[]) => entries.map(({ deliveryTag }) => deliveryTag)

test('a confirm settles one message, a multiple one all up to it', () => {
  const { window } = sentWindow(5)
  assert.deepEqual(tagsOf(window.settle(3, false)), [3])
  assert.deepEqual(tagsOf(window.settle(4, true)), [1, 2, 4])
  assert.deepEqual(tagsOf(window.settle(4, true)), [])
  assert.equal(window.inFlight(), 1)
})

test('the tag to acknowledge goes up to the first entry that is not safe, and comes once', () => {
  const { window, entries } = sentWindow(4)
  for (const index of [0, 1, 3]) window.markDone(entries[index] as Entry)
  assert.equal(window.takeAckable(), 2)
  assert.equal(window.takeAckable(), undefined)
  assert.deepEqual(window.takeSafe(), [4])
  assert.deepEqual(window.takeSafe(), [])
  assert.equal(window.inHand().count, 1)
})

test('what the broker has back already is not acknowledged', () => {
  const { window, entries } = sentWindow(3)
  window.markDone(entries[0] as Entry)
  window.markBack(entries[1] as Entry)
  assert.equal(window.takeAckable(), 1)
  window.markBack(entries[2] as Entry)
  assert.equal(window.takeAckable(), undefined)
})

test('what has to be sent again comes before what was not sent yet, in order', () => {
  const { window, entries } = sentWindow(3)
  const fourth = deliver(window, 4)
  assert.equal(window.nextWaiting(), fourth)
  assert.deepEqual(tagsOf(window.unsend()), [1, 2, 3])
  const next: number[] = []
  for (let entry = window.nextWaiting(); entry; entry = window.nextWaiting()) {
    next.push(entry.deliveryTag)
    window.markDone(entry)
  }
  assert.deepEqual(next, [1, 2, 3, 4])
  assert.equal(window.inFlight(), 0)
  assert.equal(entries.length, 3)
})

test('a return belongs to the message that is the same in every byte', () => {
  const window = createWindow()
  const entries = ['a', 'b', 'b', 'c'].map((body, index) => deliver(window, index + 1, body))
  for (const [index, entry] of entries.entries()) window.markSent(entry, index + 1, P)
  window.markReturned(P, Buffer.from('b'))
  window.markReturned(P, Buffer.from('c'))
  assert.deepEqual(
    entries.map(({ returned }) => returned),
    [false, true, false, true],
  )
})

test('a return that is like no message makes every later one suspect', () => {
  const { window, entries } = sentWindow(3)
  window.settle(1, false)
  window.markReturned(joinProperties([shortString('encoded anew')]), Buffer.from('body 2'))
  assert.deepEqual(
    entries.map(({ returned }) => returned),
    [false, true, true],
  )
})

const properties = (messageId: string, ...headers: readonly Buffer[]) => {
  const all: RawProperties = []
  all[PROPERTY.headers] = rawTable(...headers)
  all[PROPERTY.messageId] = shortString(messageId)
  return joinProperties(all)
}

test('a return with its headers in another order belongs to the same message', () => {
  const a = rawEntry('a', 'l', Buffer.alloc(8, 1))
  const z = rawEntry('z', 'L', Buffer.alloc(8, 2))
  const asSigned = rawEntry('z', 'l', Buffer.alloc(8, 2))
  const window = createWindow()
  const body = 'the same'
  const entries = [1, 2, 3].map((tag) => deliver(window, tag, body))
  const sent = [properties('x', z), properties('x', z, a), properties('x', a)]
  for (const [index, entry] of entries.entries()) {
    window.markSent(entry, index + 1, sent[index] as Buffer)
  }
  window.markReturned(properties('x', a, asSigned), Buffer.from(body))
  const returned = () => entries.map((entry) => entry.returned)
  assert.deepEqual(returned(), [false, true, false])
})

test('of messages that differ in headers only, all may be the one that came back in a new form', () => {
  const window = createWindow()
  const entries = ['x', 'y', 'y', 'z'].map((id, index) => {
    const entry = deliver(window, index + 1, 'body')
    const odd = rawEntry(`h${index}`, 't', Buffer.from([1]))
    window.markSent(entry, index + 1, properties(id, odd))
    return entry
  })
  const anew = properties('y', rawEntry('new', 't', Buffer.from([1])))
  window.markReturned(anew, Buffer.from('body'))
  assert.deepEqual(
    entries.map(({ returned }) => returned),
    [false, true, true, false],
  )
})

test('bytes count while a message is in hand', () => {
  const window = createWindow()
  const entry = deliver(window, 1, '12345')
  assert.equal(window.inHand().bytes, 'properties'.length + 5)
  window.markDone(entry)
  assert.equal(window.inHand().bytes, 0)
  assert.equal(entry.delivery.body.length, 0, 'its memory is free')
})

test('whatever order the confirms come in, nothing is acknowledged before it is safe', () => {
  const permutation = fc.integer({ min: 1, max: 40 }).chain((count) =>
    fc.shuffledSubarray(
      Array.from({ length: count }, (_, index) => index + 1),
      { minLength: count, maxLength: count },
    ),
  )
  fc.assert(
    fc.property(permutation, (order) => {
      const { window } = sentWindow(order.length)
      const safe = new Set<number>()
      let acked = 0
      for (const number of order) {
        for (const entry of window.settle(number, false)) window.markDone(entry)
        safe.add(number)
        acked = window.takeAckable() ?? acked
        for (let tag = 1; tag <= acked; tag += 1) assert.ok(safe.has(tag))
        assert.ok(!safe.has(acked + 1), 'and not later than it is')
      }
      assert.equal(acked, order.length)
    }),
  )
})
